import { Store } from '../../state/store.js';
import type { Addresses } from '../../host/network/pool.js';
import type { Ground } from '../subsystem.js';
import { writeHosts } from './names.js';
import type { Network } from './network.js';
import type { NetRecord } from './record.js';
import { hostsLines } from './resolve.js';

/** A stack of the same compart.yaml. */
export interface Peer {
  name: string;
  number: number;
  folder: string;
  addresses: Addresses;
  record: NetRecord;
}

/** The stacks that came up from the same file as this one, without itself. */
export function peersOf(network: Network, ground: Pick<Ground, 'id' | 'state' | 'project'>): Peer[] {
  const { id, state, project } = ground;
  if (project === null) return [];
  const store = new Store(state);
  return network.leases.all().flatMap((lease) => {
    if (lease.state !== state || lease.id === id) return [];
    const found = store.readWhole(lease.name);
    const record = found?.subsystems['net'] as NetRecord | undefined;
    const addresses = record?.handles.addresses ?? null;
    if (
      found?.id !== lease.id ||
      found.spec.project !== project ||
      record === undefined ||
      addresses === null
    )
      return [];
    return [{ name: lease.name, number: lease.number, folder: store.folder(lease.name), addresses, record }];
  });
}

/**
 * Tells every stack of the file who its peers are now.
 * @param joined null where it is the stack of `ground` that leaves: its lease may stand a little longer
 */
export function tellPeers(
  network: Network,
  ground: Pick<Ground, 'id' | 'state' | 'project'>,
  joined: { name: string; addresses: Addresses } | null,
): void {
  const all = peersOf(network, joined === null ? ground : { ...ground, id: '' });
  for (const { name, folder, addresses, record } of all) {
    const others = all.filter((other) => other.name !== name);
    const peers =
      joined === null || joined.name === name
        ? others
        : [...others.filter((other) => other.name !== joined.name), joined];
    writeHosts(folder, hostsLines(name, addresses, record.handles.hostAddress, peers, record.limits.allow));
  }
}
