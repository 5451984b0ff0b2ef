import { CompartError } from '../../shared/errors.js';

/** Where compartments' own stacks have their addresses; number N has the Nth of both. */
export interface Pool {
  /** First address and prefix length, e.g. `10.210.0.0/16`. */
  ipv4: string;
  /** A unique local prefix (RFC 4193), or null where this kernel speaks no IPv6. */
  ipv6: string | null;
}

/** The addresses of one stack; the gateway, the same for all, is the host's end of every link. */
export interface Addresses {
  ipv4: string;
  gateway4: string;
  ipv6: string | null;
  gateway6: string | null;
}

/** Those by which others know it. */
export const ownAddresses = ({ ipv4, ipv6 }: Addresses): string[] => [ipv4, ...(ipv6 === null ? [] : [ipv6])];

/** Tried in this order: what home routers, docker, libvirt and VPNs hand out by themselves is not among them. */
export const CANDIDATES4 = [
  '10.210.0.0/16',
  '10.137.0.0/16',
  '172.29.0.0/16',
  '10.83.0.0/16',
  '192.168.224.0/20',
] as const;
export const CANDIDATES6 = ['fd63:6f6d:7061:7274::/64', 'fd63:6f6d:7061:7275::/64'] as const;

/** The gateway is number 1. */
export const FIRST_NUMBER = 2;
/** Numbers that fit the smallest candidate, less its last address. */
export const LAST_NUMBER = 4094;

interface Network {
  address: bigint;
  length: number;
}

/** `a.b.c.d/len` as a number. Pure. */
function network4(text: string): Network {
  const [address = '', length = '32'] = text.split('/');
  const number = address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  return { address: number, length: Number(length) };
}

/** A default route, or a half of one: VPNs lay two halves over it, and what is more special goes before them. */
const DEFAULT_LENGTH = 1;

/** /proc/net/route, in which numbers stand in the machine's byte order (little on every supported one). Pure. */
export function routes4(text: string): Network[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination, , , , , , mask] = line.split(/\s+/);
      if (destination === undefined || mask === undefined) return [];
      const bytes = (hex: string): bigint =>
        BigInt(`0x${(hex.match(/../g) ?? []).reverse().join('') || '0'}`);
      const length = bytes(mask).toString(2).replaceAll('0', '').length;
      return length <= DEFAULT_LENGTH ? [] : [{ address: bytes(destination), length }];
    });
}

/** /proc/net/ipv6_route: destination and its prefix length, in hexadecimal. Pure. */
export function routes6(text: string): Network[] {
  return text.split('\n').flatMap((line) => {
    const [destination, hex] = line.split(/\s+/);
    if (destination === undefined || hex === undefined) return [];
    const length = parseInt(hex, 16);
    return length <= DEFAULT_LENGTH ? [] : [{ address: BigInt(`0x${destination}`), length }];
  });
}

function overlaps(one: Network, other: Network, bits: number): boolean {
  const shift = BigInt(bits - Math.min(one.length, other.length));
  return one.address >> shift === other.address >> shift;
}

const free = (candidate: Network, routes: readonly Network[], bits: number): boolean =>
  !routes.some((route) => overlaps(candidate, route, bits));

/**
 * The first candidate that no route of this host overlaps. Pure.
 * @param ipv6 text of /proc/net/ipv6_route, or null where the kernel has none
 * @throws ERR_COMPART_UNSUPPORTED if all are in use
 */
export function choosePool(ipv4: string, ipv6: string | null): Pool {
  const taken = routes4(ipv4);
  const chosen = CANDIDATES4.find((candidate) => free(network4(candidate), taken, 32));
  if (chosen === undefined) {
    throw new CompartError(
      'ERR_COMPART_UNSUPPORTED',
      `this host has routes into every network that stacks could have: ${CANDIDATES4.join(', ')}`,
      { hint: 'take one of those routes away' },
    );
  }
  const taken6 = routes6(ipv6 ?? '');
  const chosen6 = CANDIDATES6.find((candidate) => free(network6(candidate), taken6, 128));
  return { ipv4: chosen, ipv6: ipv6 === null ? null : (chosen6 ?? null) };
}

/** Of the form `a:b:c:d::/64` only. */
function network6(text: string): Network {
  const [prefix = '', length = ''] = text.split('::/');
  const groups = prefix.split(':').map((group) => group.padStart(4, '0'));
  return { address: BigInt(`0x${groups.join('').padEnd(32, '0')}`), length: Number(length) };
}

/** The addresses of stack `number`. Pure. */
export function addressesOf(pool: Pool, number: number): Addresses {
  const base = network4(pool.ipv4).address;
  const dotted = (address: bigint): string =>
    [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 255n)).join('.');
  const prefix6 = pool.ipv6?.replace(/\/\d+$/, '') ?? null;
  return {
    ipv4: dotted(base + BigInt(number)),
    gateway4: dotted(base + 1n),
    ipv6: prefix6 === null ? null : prefix6 + number.toString(16),
    gateway6: prefix6 === null ? null : `${prefix6}1`,
  };
}
