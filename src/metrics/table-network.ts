import type { LinkCounters } from '../host/network/counters.js';
import type { QdiscReading } from '../host/network/qdisc.js';
import { rows, type Family, type Level, type Value } from './family.js';
import type { Seen } from './table-life.js';

const { one, split } = rows<Seen>('c');
const DIRECTIONS = ['receive', 'transmit'] as const;
type Direction = (typeof DIRECTIONS)[number];
type Row = [name: string, level: Level, help: string, key: keyof LinkCounters];

const LINKS: readonly Row[] = [
  ['receive_bytes_total', 'core', 'Bytes received by the compartment.', 'rxBytes'],
  ['receive_packets_total', 'full', 'Packets received by the compartment.', 'rxPackets'],
  ['receive_errors_total', 'full', 'Receive errors.', 'rxErrors'],
  ['receive_drops_total', 'full', 'Packets towards the compartment dropped by its interfaces.', 'rxDropped'],
  ['transmit_bytes_total', 'core', 'Bytes sent by the compartment.', 'txBytes'],
  ['transmit_packets_total', 'full', 'Packets sent by the compartment.', 'txPackets'],
  ['transmit_errors_total', 'full', 'Transmit errors.', 'txErrors'],
  ['transmit_drops_total', 'full', 'Packets from the compartment dropped by its interfaces.', 'txDropped'],
];

const link = ([name, level, help, key]: Row): Family<Seen> =>
  one('counter', {
    name: `compart_network_${name}`,
    level,
    help,
    v2: "/proc/net/dev of the router's end, rx and tx swapped",
    value: ({ net }) => net?.carried?.[key],
  });

const shaper = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  key: 'drops' | 'overlimits' | 'backlogBytes' | 'backlogPackets',
): Family<Seen> =>
  split(type, {
    name: `compart_network_shaper_${name}`,
    help,
    live: type === 'gauge',
    v2: 'tc -s -j qdisc show, at each end of the link',
    label: 'direction',
    values: DIRECTIONS,
    value: ({ net }, direction) => endOf(net, direction)?.[key],
  });

const endOf = (net: Seen['net'], direction: Direction): QdiscReading | null | undefined =>
  direction === 'receive' ? net?.rx : net?.tx;

function limit({ net }: Seen, direction: Direction): Value {
  if (net?.stack !== 'own') return null;
  const bps = direction === 'receive' ? net.rxLimitBps : net.txLimitBps;
  return bps === null ? Infinity : bps / 8;
}

/** The network stack of a compartment that has its own; nothing of one on the host's. */
export const NETWORK: ReadonlyArray<Family<Seen>> = [
  ...LINKS.map(link),
  split('gauge', {
    name: 'compart_network_rate_limit_bytes_per_second',
    level: 'core',
    help: 'Configured bandwidth limit; +Inf if unlimited.',
    v2: 'record.json',
    label: 'direction',
    values: DIRECTIONS,
    value: limit,
  }),
  shaper('counter', 'drops_total', 'Packets dropped by the bandwidth limiter.', 'drops'),
  shaper('counter', 'overlimits_total', 'Times the bandwidth limiter held a packet back.', 'overlimits'),
  shaper('gauge', 'backlog_bytes', 'Bytes queued in the bandwidth limiter.', 'backlogBytes'),
  shaper('gauge', 'backlog_packets', 'Packets queued in the bandwidth limiter.', 'backlogPackets'),
  one('gauge', {
    name: 'compart_network_conntrack_entries',
    live: true,
    help: 'Connections tracked in the network namespace of the compartment.',
    v2: '/proc/PID/net/stat/nf_conntrack',
    value: ({ net }) => net?.conntrackEntries,
  }),
];
