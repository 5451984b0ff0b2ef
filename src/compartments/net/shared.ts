import type { Host } from '../../host/host.js';
import { readKernelFile } from '../../host/kernfs.js';
import { othersWhoForward } from '../../host/network/firewall.js';
import { forwardingHere, switchOn, type Forwarding } from '../../host/network/forwarding.js';
import { choosePool, FIRST_NUMBER, LAST_NUMBER, type Pool } from '../../host/network/pool.js';
import type { Router } from '../../host/network/router.js';
import { writeJson } from '../../state/json.js';

/** What all stacks of one network share; written before it is made, so that it can be taken back after a crash. */
export interface Shared {
  router: Router;
  pool: Pool;
  forwarding: Forwarding;
  /** Does the host hand their packets on? Untried where others have a say in it and nobody has asked them yet. */
  passage: 'open' | 'untried' | 'barred';
}

/** `world`: stacks with a link; `island`: those with loopback only, which need nothing of the host. */
export type NetworkKind = 'world' | 'island';

/** The first and the last number of each, none of both: a namespace is called by its number alone. */
export const NUMBERS: Readonly<Record<NetworkKind, readonly [number, number]>> = {
  world: [FIRST_NUMBER, LAST_NUMBER],
  island: [LAST_NUMBER + 1, 2 * LAST_NUMBER],
};

const NOTHING: Forwarding = { sysctls: [], guards: { links4: [], all6: false }, routed6: false };

/**
 * Chooses addresses, and switches on what the host has to hand packets on; noted in `file` before.
 * @param router one of compart's own, or null for the host itself
 */
export function setUpShared(host: Host, kind: NetworkKind, file: string, router: Router | null): Shared {
  const proc = host.paths.proc;
  const world = kind === 'world';
  const pool = choosePool(
    readKernelFile(`${proc}/net/route`) ?? '',
    readKernelFile(`${proc}/net/if_inet6`) === null ? null : readKernelFile(`${proc}/net/ipv6_route`),
  );
  const chosen: Router = router ?? { holder: null, ownUsers: false, uplink: world ? 'forward' : null };
  // A router of compart's own forwards already, and IPv4 only.
  const forwarding = world && chosen.holder === null ? forwardingHere(proc) : NOTHING;
  const others = world && chosen.holder === null && othersWhoForward(host.paths).length > 0;
  const shared: Shared = { router: chosen, pool, forwarding, passage: others ? 'untried' : 'open' };
  writeJson(file, shared);
  switchOn(proc, forwarding);
  return shared;
}
