import type { Host } from '../../host/host.js';
import type { Lease } from '../../state/leases.js';
import { Store } from '../../state/store.js';
import type { Loaded } from '../subsystem.js';
import { net } from './net.js';
import { Network } from './network.js';
import { releaseStacks } from './release.js';
import type { NetRecord } from './record.js';
import { Stack } from './stack.js';

/** Has the compartment of a lease a record still, even one that cannot be read? */
function hasRecord({ state, name, id }: Lease): boolean {
  const store = new Store(state);
  const condition = store.condition(name);
  return condition === 'whole' ? store.read(name)?.id === id : condition !== 'missing';
}

/** Takes away the stacks whose compartment is gone, and what all shared after the last. @returns their names */
export function sweepNetworks(host: Host): string[] {
  const names: string[] = [];
  for (const kind of ['world', 'island'] as const) {
    const network = new Network(host, kind);
    const abandoned = network.abandoned(hasRecord);
    releaseStacks(
      host,
      network,
      abandoned.map(({ number }) => number),
    );
    names.push(...abandoned.map(({ name }) => name));
    network.dropStrayLinks();
    network.dropTorn();
    network.closeIfEmpty();
    network.tidy();
  }
  return names;
}

/** Puts back what somebody took away of a stack, where that can be done under a running command. */
export function mendStack(host: Host, loaded: Loaded): { mended: string | null; left: string | null } {
  const fault = net.fault(host, loaded);
  if (fault === null) return { mended: null, left: null };
  const { handles, limits } = loaded.record as NetRecord;
  const network = new Network(host, handles.network);
  const shared = network.shared();
  if (shared === null) return { mended: null, left: fault };
  const stack = new Stack(host, handles.router, handles.number);
  const { addresses, mtu } = handles;
  if (stack.counters() !== null && addresses !== null) {
    stack.reshape({ ...limits, rxLimitBps: null, txLimitBps: null }, limits, { addresses, mtu });
    network.repair(shared);
  }
  const after = net.fault(host, loaded);
  return after === null ? { mended: fault, left: null } : { mended: null, left: after };
}
