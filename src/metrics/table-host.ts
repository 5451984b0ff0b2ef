import { BOOT_BUCKETS, EXIT_REASONS } from '../state/usage.js';
import { rows, type Family, type Series } from './family.js';
import { COLLECTORS, type HostSnapshot } from './snapshot.js';
import { BUILD } from './table-life.js';
import { numberText } from './text.js';

const { one, split, info } = rows<HostSnapshot>('h');
const core = { level: 'core' } as const;
const ledger = { ...core, v2: 'what lives, history/ and totals/' };
const REMOVED = 'removed ones included';

/** How many were within a bound; OpenMetrics wants whole numbers with a point. */
const bucket = (seconds: number, value: (host: HostSnapshot) => number): Series<HostSnapshot> => {
  const text = numberText(seconds);
  return { labels: { le: Number.isInteger(seconds) ? `${text}.0` : text }, suffix: '_bucket', value };
};

const SELF: ReadonlyArray<Family<HostSnapshot>> = [
  {
    ...one('histogram', {
      ...core,
      name: 'compart_boot_duration_seconds',
      help: 'Time from spawn to ready of every guest boot on this host.',
      v2: "the guest's report",
      value: () => null,
    }),
    series: [
      ...BOOT_BUCKETS.map(([key, seconds]) => bucket(seconds, ({ totals }) => totals.usage[key])),
      bucket(Infinity, ({ totals }) => totals.usage.boots),
      { labels: {}, suffix: '_sum', value: ({ totals }) => totals.usage.bootUs / 1e6 },
      { labels: {}, suffix: '_count', value: ({ totals }) => totals.usage.boots },
    ],
  },
  split('gauge', {
    ...core,
    name: 'compart_collector_duration_seconds',
    help: 'Duration of the last collection.',
    v2: 'clock',
    label: 'collector',
    values: COLLECTORS,
    value: ({ collected }, name) => collected[name]?.seconds,
  }),
  split('gauge', {
    ...core,
    name: 'compart_collector_success',
    help: '1 if the last collection succeeded.',
    v2: 'itself',
    label: 'collector',
    values: COLLECTORS,
    value: ({ collected }, name) => (collected[name] ? Number(collected[name].success) : null),
  }),
  split('counter', {
    ...core,
    name: 'compart_collector_errors_total',
    help: 'Files or commands that could not be read.',
    v2: 'itself',
    label: 'collector',
    values: COLLECTORS,
    value: ({ collected }, name) => collected[name]?.errors,
  }),
  one('gauge', {
    ...core,
    name: 'compart_compartments',
    help: 'Compartments known on this host.',
    v2: 'the state folder',
    value: ({ count }) => count,
  }),
  one('counter', {
    ...core,
    name: 'compart_series_dropped_total',
    help: 'Compartments left out of the exposition by the limit on their number.',
    v2: 'itself',
    value: ({ dropped }) => dropped,
  }),
];

const TOTALS: ReadonlyArray<Family<HostSnapshot>> = [
  one('counter', {
    ...ledger,
    name: 'compart_host_oom_kills_total',
    help: `Processes killed by the OOM killer in all compartments, ${REMOVED}.`,
    value: ({ totals }) => totals.usage.oomKills,
  }),
  split('counter', {
    ...ledger,
    name: 'compart_host_exits_total',
    help: `Runs ended in all compartments, ${REMOVED}.`,
    label: 'reason',
    values: EXIT_REASONS,
    value: ({ totals }, reason) => totals.exits[reason] ?? 0,
  }),
  one('counter', {
    ...ledger,
    name: 'compart_host_created_total',
    help: 'Compartments created.',
    value: ({ totals }) => totals.created,
  }),
  one('counter', {
    ...ledger,
    name: 'compart_host_removed_total',
    help: 'Compartments removed.',
    value: ({ totals }) => totals.removed,
  }),
  split('counter', {
    ...ledger,
    name: 'compart_host_cpu_seconds_total',
    help: `CPU time used by all compartments, ${REMOVED}.`,
    label: 'mode',
    values: ['user', 'system'] as const,
    value: ({ totals: { usage } }, mode) => (mode === 'user' ? usage.cpuUserUs : usage.cpuSystemUs) / 1e6,
  }),
  one('counter', {
    ...ledger,
    name: 'compart_host_network_receive_bytes_total',
    help: `Bytes received by all compartments with a network stack of their own, ${REMOVED}.`,
    value: ({ totals }) => totals.usage.rxBytes,
  }),
  one('counter', {
    ...ledger,
    name: 'compart_host_network_transmit_bytes_total',
    help: `Bytes sent by all compartments with a network stack of their own, ${REMOVED}.`,
    value: ({ totals }) => totals.usage.txBytes,
  }),
  split('counter', {
    ...ledger,
    name: 'compart_host_io_bytes_total',
    help: `Bytes moved to and from block devices by all compartments, ${REMOVED}.`,
    label: 'operation',
    values: ['read', 'write'] as const,
    value: ({ totals: { usage } }, operation) => (operation === 'read' ? usage.readBytes : usage.writeBytes),
  }),
  one('gauge', {
    ...ledger,
    name: 'compart_host_memory_peak_bytes',
    help: `Highest memory usage that any one compartment reached, ${REMOVED}.`,
    value: ({ totals }) => totals.usage.peakBytes,
  }),
];

/** Of the host: the exporter itself, and the totals that outlive compartments. */
export const HOST: ReadonlyArray<Family<HostSnapshot>> = [
  ...SELF,
  ...TOTALS,
  info({
    ...core,
    name: 'compart_build_info',
    help: 'Build of compart; value is always 1.',
    v2: 'itself',
    labels: ['version', 'commit', 'node'],
    facts: () => BUILD,
  }),
];
