import { usageError, errnoOf } from '../../shared/errors.js';
import { ownAddresses, type Addresses } from '../../host/network/pool.js';
import type { Destination } from '../../host/network/table.js';
import type { Allowed } from './limits.js';
import { HOST_NAME, type HostsLine } from './names.js';

/** A name that only compart knows, and its addresses. */
export type OwnNames = ReadonlyMap<string, string[]>;

/**
 * Looks up the names of --allow, on the host, once: what the command is told is what the rules let pass.
 * @throws ERR_COMPART_USAGE for a name without an address
 */
export async function resolveAllowed(allow: readonly Allowed[], own: OwnNames): Promise<Allowed[]> {
  return Promise.all(
    allow.map(async (each) => {
      const known = own.get(each.host);
      if (each.addresses.length > 0 || known !== undefined)
        return { ...each, addresses: known ?? each.addresses };
      return { ...each, addresses: await lookUp(each.host) };
    }),
  );
}

async function lookUp(host: string): Promise<string[]> {
  const { lookup } = await import('node:dns/promises');
  try {
    const found = await lookup(host, { all: true });
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    throw usageError(
      `--allow: "${host}" has no address: ${errnoOf(error) ?? String(error)}`,
      'allow an address or a network, or mend the name server of the host',
    );
  }
}

/** What the rules let pass. Pure. */
export function destinationsOf(allow: readonly Allowed[]): Destination[] {
  return allow.flatMap(({ addresses, port }) =>
    addresses.map((address) => ({
      family: address.includes(':') ? ('ip6' as const) : ('ip' as const),
      address,
      port,
    })),
  );
}

/** The names among what is allowed, for hosts(5): the only ones that a command can look up. Pure. */
export function namesOf(allow: readonly Allowed[]): HostsLine[] {
  return allow
    .filter(({ host, addresses }) => !addresses.includes(host) && host !== HOST_NAME)
    .flatMap(({ host, addresses }) => addresses.map((address) => ({ address, names: [host] })));
}

/** The lines of every stack: itself, the host, its peers, what it may reach by name. Pure. */
export function hostsLines(
  name: string,
  addresses: Addresses | null,
  hostAddress: string | null,
  peers: ReadonlyArray<{ name: string; addresses: Addresses }>,
  allow: readonly Allowed[] | null,
): HostsLine[] {
  const own = addresses === null ? ['127.0.0.1'] : ownAddresses(addresses);
  return [
    ...own.map((address) => ({ address, names: [name] })),
    ...(hostAddress === null ? [] : [{ address: hostAddress, names: [HOST_NAME] }]),
    ...peers.flatMap((peer) =>
      ownAddresses(peer.addresses).map((address) => ({ address, names: [peer.name] })),
    ),
    ...namesOf(allow ?? []),
  ];
}
