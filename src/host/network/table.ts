import type { Addresses, Pool } from './pool.js';
import { shapeOf } from './qdisc.js';
import { LINK_PREFIX, linkOf } from './veth.js';

/** compart's own table of nftables; nobody else's is read or changed. */
export const TABLE = 'inet compart';
const OURS = `"${LINK_PREFIX}*"`;

/** What the host forwarded before compart needed it to: kept as it was for everybody else. */
export interface Guards {
  /** Links on which compart switched IPv4 forwarding on. */
  links4: string[];
  /** Did it switch IPv6 forwarding on, for all links? */
  all6: boolean;
}

/**
 * Statements that refuse at once. Over IPv6, connect(2) takes an ICMP error that comes before it waits for a passing
 * trouble, and tries again a second later; a reset it believes.
 * @param before what comes before each, a match or a counter
 */
const refusals = (before: string): string[] => [
  `meta nfproto ipv6 meta l4proto tcp ${before} reject with tcp reset`,
  `${before} reject with icmpx type admin-prohibited`,
];

/** What stands in each chain of the table. */
type Chains = Readonly<Record<'source' | 'forward' | 'input' | 'outward', readonly string[]>>;

/**
 * Who reaches whom is decided here: a stack reaches the world by masquerade, the host at the gateway, its peers and
 * nobody else; into a stack come only answers, its peers and what the host itself sends. Pure.
 */
export const chainsOf = (pool: Pool, { links4, all6 }: Guards): Chains => ({
  // Before connection tracking: a packet with somebody else's address, or over the ceiling, is gone.
  source: [
    `iifname != ${OURS} accept`,
    'meta nfproto ipv4 iifname . ip saddr != @addresses4 drop',
    'meta nfproto ipv6 ip6 saddr != { fe80::/10, :: } iifname . ip6 saddr != @addresses6 drop',
    'limit name iifname map @ceilings drop',
  ],
  forward: [
    ...(links4.length > 0 ? [`meta nfproto ipv4 iifname @guarded oifname != ${OURS} drop`] : []),
    ...(all6 ? [`meta nfproto ipv6 iifname != ${OURS} oifname != ${OURS} drop`] : []),
    `iifname != ${OURS} oifname != ${OURS} accept`,
    'ct state established,related accept',
    ...refusals(`oifname ${OURS} iifname . oifname != @peers`),
    'iifname vmap @held',
  ],
  input: [
    `iifname != ${OURS} accept`,
    'ct state established,related accept',
    'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
    'iifname vmap @held',
  ],
  outward: [
    `ip saddr ${pool.ipv4} oifname != ${OURS} masquerade`,
    ...(pool.ipv6 === null ? [] : [`ip6 saddr ${pool.ipv6} oifname != ${OURS} masquerade`]),
  ],
});

/** In the order in which a packet meets them. */
const HOOKS: Readonly<Record<keyof Chains, string>> = {
  source: 'type filter hook prerouting priority -350; policy accept;',
  forward: 'type filter hook forward priority 0; policy accept;',
  input: 'type filter hook input priority 0; policy accept;',
  outward: 'type nat hook postrouting priority 100; policy accept;',
};
export const CHAINS = Object.keys(HOOKS) as Array<keyof Chains>;

const SETS = {
  addresses4: 'set { type ifname . ipv4_addr; }',
  addresses6: 'set { type ifname . ipv6_addr; }',
  peers: 'set { type ifname . ifname; }',
  guarded: 'set { type ifname; }',
  held: 'map { type ifname : verdict; }',
  ceilings: 'map { type ifname : limit; }',
} as const;

/** The table without any stack in it: may be run again at any time, in one transaction (nft(8)). Pure. */
export function tableLines(pool: Pool, guards: Guards): string[] {
  const rules = chainsOf(pool, guards);
  return [
    `add table ${TABLE}`,
    ...Object.entries(SETS).map(([name, text]) => text.replace(/^(\w+)/, `add $1 ${TABLE} ${name}`)),
    `flush set ${TABLE} guarded`,
    ...guards.links4.map((link) => `add element ${TABLE} guarded { "${link}" }`),
    ...CHAINS.flatMap((chain) => [
      `add chain ${TABLE} ${chain} { ${HOOKS[chain]} }`,
      `flush chain ${TABLE} ${chain}`,
      ...rules[chain].map((rule) => `add rule ${TABLE} ${chain} ${rule}`),
    ]),
  ];
}

/** Where a stack may go with --allow: one address or network, and perhaps one port. */
export interface Destination {
  family: 'ip' | 'ip6';
  /** With its prefix length where it is a network. */
  address: string;
  port: number | null;
}

/** What the table holds of one stack. */
export interface StackRules {
  number: number;
  addresses: Addresses;
  /** From the stack; null for no limit. */
  txLimitBps: number | null;
  /** Null: everywhere. */
  allow: Destination[] | null;
  /** Numbers of the stacks that it may reach. */
  peers: number[];
}

/**
 * The shaper at the inner end can be passed by (packet(7), PACKET_QDISC_BYPASS): what comes over the rate then is
 * dropped here. The burst is well above the shaper's, so that this never drops what has been shaped.
 */
const CEILING_BURSTS = 4;
const LEAST_CEILING_BURST_BYTES = 65_536;

const ceiling = (rateBps: number): string => {
  const burst = Math.max(LEAST_CEILING_BURST_BYTES, shapeOf(rateBps).burstBytes * CEILING_BURSTS);
  return `rate over ${Math.ceil(rateBps / 8)} bytes/second burst ${burst} bytes`;
};

/** Lines that add a stack to a table which does not have it. Pure. */
export function stackLines({ number, addresses, txLimitBps, allow, peers }: StackRules): string[] {
  const link = linkOf(number);
  return [
    `add element ${TABLE} addresses4 { "${link}" . ${addresses.ipv4} }`,
    ...(addresses.ipv6 === null ? [] : [`add element ${TABLE} addresses6 { "${link}" . ${addresses.ipv6} }`]),
    ...(txLimitBps === null ? [] : ceilingLines(number, txLimitBps)),
    ...(allow === null ? [] : allowLines(number, allow)),
    ...peers.flatMap((peer) => peerLines(number, peer)),
  ];
}

export function ceilingLines(number: number, rateBps: number): string[] {
  const link = linkOf(number);
  return [
    `add limit ${TABLE} ${link} { ${ceiling(rateBps)}; }`,
    `add element ${TABLE} ceilings { "${link}" : "${link}" }`,
  ];
}

/** Lines that let two stacks reach each other. */
export function peerLines(number: number, peer: number): string[] {
  const [one, other] = [linkOf(number), linkOf(peer)];
  return [`add element ${TABLE} peers { "${one}" . "${other}", "${other}" . "${one}" }`];
}

/** A chain of the stack's own: what is not allowed is counted and refused at once, not left to time out. */
export function allowLines(number: number, allow: readonly Destination[]): string[] {
  const link = linkOf(number);
  return [
    `add counter ${TABLE} ${link}`,
    `add chain ${TABLE} ${link}`,
    ...destinationLines(number, allow),
    `add element ${TABLE} held { "${link}" : jump ${link} }`,
  ];
}

/** Fills the chain of a stack anew. */
export function destinationLines(number: number, allow: readonly Destination[]): string[] {
  const link = linkOf(number);
  const rule = ({ family, address, port }: Destination): string[] =>
    port === null
      ? [`${family} daddr ${address} accept`]
      : ['tcp', 'udp'].map((protocol) => `${family} daddr ${address} ${protocol} dport ${port} accept`);
  return [
    `flush chain ${TABLE} ${link}`,
    ...[...allow.flatMap(rule), ...refusals(`counter name "${link}"`)].map(
      (text) => `add rule ${TABLE} ${link} ${text}`,
    ),
  ];
}

/** Lines that take a stack out of the table, as {@link stackLines} put it there. Pure. */
export function withoutStackLines({ number, addresses, txLimitBps, allow, peers }: StackRules): string[] {
  const link = linkOf(number);
  return [
    `delete element ${TABLE} addresses4 { "${link}" . ${addresses.ipv4} }`,
    ...(addresses.ipv6 === null
      ? []
      : [`delete element ${TABLE} addresses6 { "${link}" . ${addresses.ipv6} }`]),
    ...(txLimitBps === null ? [] : withoutCeilingLines(number)),
    ...(allow === null ? [] : withoutAllowLines(number)),
    ...peers.flatMap((peer) => [
      `delete element ${TABLE} peers { "${link}" . "${linkOf(peer)}", "${linkOf(peer)}" . "${link}" }`,
    ]),
  ];
}

/**
 * The same for a table of which anything may be missing: what is to go is added first, so that nft(8) finds all that
 * it deletes. Pure.
 */
export function leavingLines(pool: Pool, guards: Guards, rules: readonly StackRules[]): string[] {
  // What is allowed goes with its chain.
  const own = rules.map((each) => ({ ...each, allow: each.allow === null ? null : [] }));
  return [...tableLines(pool, guards), ...own.flatMap(stackLines), ...own.flatMap(withoutStackLines)];
}

/** Takes the table away, be it there or not. */
export const NO_TABLE: readonly string[] = [`add table ${TABLE}`, `delete table ${TABLE}`];

export function withoutAllowLines(number: number): string[] {
  const link = linkOf(number);
  return [
    `delete element ${TABLE} held { "${link}" }`,
    `delete chain ${TABLE} ${link}`,
    `delete counter ${TABLE} ${link}`,
  ];
}

export function withoutCeilingLines(number: number): string[] {
  const link = linkOf(number);
  return [`delete element ${TABLE} ceilings { "${link}" }`, `delete limit ${TABLE} ${link}`];
}

/** The packets that the first counter in an answer of `nft -j list` has counted, 0 where it has none. Pure. */
export function parseCounter(text: string): number {
  return Number(/"packets": *(\d+)/.exec(text)?.[1] ?? 0);
}
