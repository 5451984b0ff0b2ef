import { CompartError } from '../../shared/errors.js';
import { startHeld, toolExists } from '../../host/exec.js';
import type { Host } from '../../host/host.js';
import type { Router, Uplink } from '../../host/network/router.js';
import { identify } from '../../host/proc/identity.js';
import type { NetworkKind } from './shared.js';

/** A router of compart's own, and the process that connects it with the world; null for none. */
export type OwnRouter = Pick<Router, 'ownUsers' | 'uplink'>;

/** In the order of preference: slirp4netns takes large packets from a fast stack, with which pasta stands still (docs/network.md). */
const UPLINKS = ['slirp4netns', 'pasta'] as const;

/** The process in user space that this host has, or null. */
export const uplinkHere = (): Uplink | null => UPLINKS.find((tool) => toolExists(tool)) ?? null;

export const NO_UPLINK = {
  why: 'without root, a way out needs slirp4netns or pasta, and neither is installed',
  mend: 'apt-get install slirp4netns',
};

/**
 * The router that this caller needs, null where the host's own namespace will do.
 * @throws ERR_COMPART_UNSUPPORTED if the caller has neither the right nor the tool
 */
export function ownRouter(host: Host, kind: NetworkKind): OwnRouter | null {
  if (host.uid === 0) return null;
  const uplink = kind === 'island' ? null : uplinkHere();
  if (kind === 'world' && uplink === null)
    throw new CompartError('ERR_COMPART_UNSUPPORTED', NO_UPLINK.why, { hint: NO_UPLINK.mend });
  return { ownUsers: true, uplink };
}

/** slirp4netns(1): no way to the host's loopback; it ends when the holder does. */
const SLIRP = [
  'slirp4netns',
  '--configure',
  '--mtu=65520',
  '--disable-host-loopback',
  '--ready-fd={ready}',
  '--exit-fd={exit}',
  '{pid}',
  'tap0',
];
/**
 * pasta(1): no map of the gateway to the host's loopback, no ports of the host inside. Addresses are those that
 * slirp4netns has: with the host's own, which it takes otherwise, the host itself could not be reached.
 */
const PASTA = [
  'pasta',
  '--config-net',
  '--no-map-gw',
  ...['--address', '10.0.2.100', '--netmask', '24', '--gateway', '10.0.2.2', '--dns-forward', '10.0.2.3'],
  '--quiet',
  ...['--tcp-ports', 'none', '--udp-ports', 'none', '--tcp-ns', 'none', '--udp-ns', 'none'],
  ...['--ns-ifname', 'tap0'],
  '{pid}',
];

/** A router that was started; it ends unless it is kept, whatever becomes of the caller. */
export interface StartedRouter {
  router: Router;
  keep: () => void;
  /** Ends it if it was not kept. */
  leave: () => void;
}

/** Starts a router of compart's own (native/router.c). @throws ERR_COMPART_UNSUPPORTED */
export async function startRouter(host: Host, { ownUsers, uplink }: OwnRouter): Promise<StartedRouter> {
  const command = uplink === 'slirp4netns' ? SLIRP : uplink === 'pasta' ? PASTA : [];
  const held = await startHeld(host.paths.native('router'), command);
  const ready = /^ready (\d+) (\d+)$/m.exec(held.said);
  const holder = ready === null ? null : identify(host.paths.proc, Number(ready[1]));
  if (holder === null) {
    held.leave();
    throw new CompartError(
      'ERR_COMPART_UNSUPPORTED',
      `cannot make a network namespace as this user: ${held.said.trim() || 'the router ended'}`,
      { hint: 'compart doctor says what is missing; docs/network.md, "Without root"' },
    );
  }
  return { router: { holder, ownUsers, uplink }, keep: held.keep, leave: held.leave };
}
