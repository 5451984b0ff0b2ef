import type { Addresses } from './pool.js';
import { GSO_MAX_BYTES } from './qdisc.js';

/** What the stack and its link are called, everywhere: interface names have 15 characters (IFNAMSIZ). */
export const LINK_PREFIX = 'compart';
export const linkOf = (number: number): string => `${LINK_PREFIX}${number}`;
export const isLink = (name: string): boolean =>
  name.startsWith(LINK_PREFIX) && /^\d+$/.test(name.slice(LINK_PREFIX.length));
/** Inside it is called as users expect. */
export const INNER_LINK = 'eth0';

/** Largest packets that segmentation may hand to each end; null leaves the kernel's own. */
export interface GsoLimits {
  /** Towards the compartment. */
  rx: number | null;
  /** From it. */
  tx: number | null;
}

/** Largest packet of a link: the usual one, and what slirp4netns takes of a fast one. */
export const MTU = 1500;
export const LARGE_MTU = 65_520;

const gso = (bytes: number | null): string => (bytes === null ? '' : ` gso_max_size ${bytes}`);

/**
 * `ip -batch` lines, in the router's namespace, that make a namespace and a pair of links into it (veth(4),
 * ip-link(8)). The router's end has the gateway's address with the stack as its peer: no broadcast domain,
 * a route of one address each. Pure.
 */
export function outerLines(
  netns: string,
  link: string,
  addresses: Addresses,
  limits: GsoLimits,
  mtu: number,
): string[] {
  return [
    `netns add ${netns}`,
    `link add ${link} mtu ${mtu}${gso(limits.rx)} type veth peer name ${INNER_LINK} mtu ${mtu} netns ${netns}`,
    `addr add ${addresses.gateway4} peer ${addresses.ipv4} dev ${link}`,
    ...(addresses.ipv6 === null
      ? []
      : [`addr add ${addresses.gateway6} peer ${addresses.ipv6} dev ${link} nodad`]),
    `link set ${link} up`,
    // The kernel's own route to the peer of an IPv6 address may be missing where the address was there before the link.
    ...(addresses.ipv6 === null ? [] : [`route replace ${addresses.ipv6}/128 dev ${link}`]),
  ];
}

/**
 * `ip -batch` lines for inside the namespace. Pure.
 * @param routed6 has the router a way out for IPv6? Else no program should try.
 */
export function innerLines(addresses: Addresses, limits: GsoLimits, routed6: boolean): string[] {
  const six = addresses.ipv6 === null ? [] : [addresses.ipv6];
  return [
    'link set lo up',
    `addr add ${addresses.ipv4} peer ${addresses.gateway4} dev ${INNER_LINK}`,
    ...six.map((own) => `addr add ${own} peer ${addresses.gateway6} dev ${INNER_LINK} nodad`),
    `link set ${INNER_LINK}${gso(limits.tx)} up`,
    `route add default via ${addresses.gateway4} dev ${INNER_LINK} onlink`,
    ...(routed6 && addresses.gateway6 !== null
      ? [`route add default via ${addresses.gateway6} dev ${INNER_LINK} onlink`]
      : []),
  ];
}

/**
 * The line, for inside, that has what is sent from now on, and new connections both ways, keep to packets of a size;
 * larger ones of connections that live still come in (ip-route(8), mtu and advmss).
 */
export const packetsLine = (addresses: Addresses, mtu: number): string =>
  `route replace default via ${addresses.gateway4} dev ${INNER_LINK} onlink mtu ${mtu} advmss ${mtu - 40}`;

/** The line that changes it later. */
export const gsoLine = (link: string, bytes: number | null): string =>
  `link set ${link} gso_max_size ${bytes ?? GSO_MAX_BYTES}`;
