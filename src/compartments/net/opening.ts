import { networkInterfaces } from 'node:os';
import type { Host } from '../../host/host.js';
import type { Router } from '../../host/network/router.js';
import { linkOf } from '../../host/network/veth.js';
import type { Ground } from '../subsystem.js';
import type { NetLimits } from './limits.js';
import { writeHosts, writeResolver } from './names.js';
import type { Network } from './network.js';
import { tellPeers, type Peer } from './peers.js';
import type { NetRecord } from './record.js';
import { Relays } from './relays.js';
import { hostsLines } from './resolve.js';
import type { Made } from './stack.js';

/** slirp4netns and pasta answer for the host's own name server here. */
const UPLINK_NAME_SERVER = '10.0.2.3';

export const driverOf = (byRoot: boolean): string => (byRoot ? 'veth' : 'veth+userns');

/** The address at which the host itself is to be had. */
export function hostAddressOf(router: Router, gateway: string): string | null {
  if (router.holder === null) return gateway;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? null;
}

/** A stack that stands, with its number and what it was made with. */
export interface Standing extends Made {
  number: number;
  router: Router;
}

/** The record of a stack with a network, not given to anybody yet. */
export function recordFor(
  { kind }: Network,
  { number, router, addresses, mtu }: Standing,
  limits: NetLimits,
): NetRecord {
  const hostAddress = hostAddressOf(router, addresses.gateway4);
  const handles = { network: kind, number, router, addresses, mtu, hostAddress };
  return { driver: driverOf(!router.ownUsers), limits, notEnforced: [], handles };
}

/** Who answers inside for a name server on the host's loopback. */
export const nameServerOf = ({ router, addresses }: Pick<Standing, 'router' | 'addresses'>): string =>
  router.holder === null ? addresses.gateway4 : UPLINK_NAME_SERVER;

/** Answers at the gateway for the stub on the host's loopback, where the uplink does not. */
export function answerNames(
  host: Host,
  network: Network,
  { number, router, addresses }: Standing,
  stub: string | null,
): void {
  if (stub === null || router.holder !== null) return;
  const relays = new Relays(host, network.relaysOf(number));
  relays.answerNames(addresses.gateway4, linkOf(number), stub);
}

/**
 * Gives a stack its names and ports.
 * @param answered is its name server answered for already?
 */
export function openStack(
  host: Host,
  network: Network,
  ground: Ground,
  { handles, limits }: NetRecord,
  peers: readonly Peer[],
  answered = false,
): void {
  const { number, addresses, hostAddress, router, mtu } = handles;
  if (addresses === null) return;
  const standing: Standing = { number, router, addresses, mtu };
  writeHosts(ground.folder, hostsLines(ground.name, addresses, hostAddress, peers, limits.allow));
  const stub = writeResolver(ground.folder, nameServerOf(standing), limits.allow === null);
  if (!answered) answerNames(host, network, standing, stub);
  const relays = new Relays(host, network.relaysOf(number));
  for (const published of limits.published) relays.publish(published, addresses.ipv4, router);
  if (peers.length > 0) tellPeers(network, ground, { name: ground.name, addresses });
}
