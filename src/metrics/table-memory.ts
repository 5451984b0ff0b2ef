import { rows, type Family, type Level, type Value } from './family.js';
import type { Seen } from './table-life.js';

const { one, split } = rows<Seen>('c');
type Memory = NonNullable<Seen['vm']>;
type Row = [name: string, level: Level, help: string, v2: string, v1: string, key: keyof Memory];

const rowOf =
  (type: 'counter' | 'gauge', live: boolean) =>
  ([name, level, help, v2, v1, key]: Row): Family<Seen> =>
    one(type, { name: `compart_memory_${name}`, level, help, v2, v1, live, value: ({ vm }) => vm?.[key] });

const STAT = 'memory.stat';
const PRESENT: readonly Row[] = [
  [
    'usage_bytes',
    'core',
    'Memory charged to the compartment, page cache included.',
    'memory.current',
    'memory.usage_in_bytes',
    'usageBytes',
  ],
  [
    'working_set_bytes',
    'core',
    'Memory usage less inactive page cache.',
    `usage less ${STAT} inactive_file`,
    `usage less ${STAT} total_inactive_file`,
    'workingSetBytes',
  ],
  ['anon_bytes', 'full', 'Anonymous memory.', `${STAT} anon`, `${STAT} total_rss`, 'anonBytes'],
  [
    'cache_bytes',
    'full',
    'Page cache, shared memory and tmpfs included.',
    `${STAT} file`,
    `${STAT} total_cache`,
    'cacheBytes',
  ],
  [
    'shmem_bytes',
    'full',
    'Shared memory and tmpfs, part of the page cache.',
    `${STAT} shmem`,
    `${STAT} total_shmem`,
    'shmemBytes',
  ],
  [
    'kernel_bytes',
    'full',
    'Kernel memory charged to the compartment.',
    `${STAT} kernel`,
    'memory.kmem.usage_in_bytes',
    'kernelBytes',
  ],
  [
    'dirty_bytes',
    'full',
    'Page cache waiting to be written back.',
    `${STAT} file_dirty`,
    `${STAT} total_dirty`,
    'dirtyBytes',
  ],
  [
    'swap_usage_bytes',
    'core',
    'Swap used by the compartment.',
    'memory.swap.current',
    `${STAT} total_swap`,
    'swapBytes',
  ],
];

const LIMITS: readonly Row[] = [
  [
    'peak_bytes',
    'core',
    'Highest memory usage since the compartment was created.',
    'memory.peak',
    'memory.max_usage_in_bytes',
    'peakBytes',
  ],
  [
    'limit_bytes',
    'core',
    'Hard memory limit; +Inf if unlimited.',
    'memory.max',
    'memory.limit_in_bytes',
    'limitCeiling',
  ],
  ['high_bytes', 'full', 'Memory throttling limit; +Inf if unlimited.', 'memory.high', 'none', 'highCeiling'],
  [
    'reservation_bytes',
    'full',
    'Memory protected from, or targeted last by, reclaim.',
    'memory.low',
    'memory.soft_limit_in_bytes',
    'reservationCeiling',
  ],
  [
    'swap_limit_bytes',
    'full',
    'Swap limit; +Inf if unlimited.',
    'memory.swap.max',
    'memory.memsw.limit_in_bytes less the limit',
    'swapCeiling',
  ],
];

const COUNTERS: readonly Row[] = [
  [
    'limit_hits_total',
    'core',
    'Times usage was about to go over the hard limit.',
    'memory.events max',
    'memory.failcnt and memory.memsw.failcnt',
    'limitHits',
  ],
  [
    'high_hits_total',
    'full',
    'Times usage went over the throttling limit.',
    'memory.events high',
    'none',
    'highHits',
  ],
  [
    'oom_events_total',
    'full',
    'Times the compartment ran out of memory.',
    'memory.events oom',
    'none',
    'oomEvents',
  ],
  [
    'oom_kills_total',
    'core',
    'Processes of the compartment killed by the OOM killer.',
    'memory.events oom_kill',
    'memory.oom_control oom_kill',
    'oomKills',
  ],
  ['scanned_pages_total', 'full', 'Pages scanned by reclaim.', `${STAT} pgscan`, 'none', 'scannedPages'],
  ['reclaimed_pages_total', 'full', 'Pages reclaimed.', `${STAT} pgsteal`, 'none', 'reclaimedPages'],
];

const byKey =
  <K extends string>(keys: Readonly<Record<K, keyof Memory>>) =>
  ({ vm }: Seen, key: K): Value =>
    vm?.[keys[key]];

/** Memory of a compartment. */
export const MEMORY: ReadonlyArray<Family<Seen>> = [
  ...PRESENT.map(rowOf('gauge', true)),
  ...LIMITS.map(rowOf('gauge', false)),
  ...COUNTERS.map(rowOf('counter', false)),
  split('counter', {
    name: 'compart_memory_refaults_total',
    help: 'Faults on pages that had been reclaimed.',
    v2: `${STAT} workingset_refault_anon, _file`,
    v1: `${STAT} total_workingset_refault_anon, _file`,
    label: 'type',
    values: ['anon', 'file'] as const,
    value: byKey({ anon: 'anonRefaults', file: 'fileRefaults' }),
  }),
  split('counter', {
    name: 'compart_memory_page_faults_total',
    help: 'Page faults.',
    v2: `${STAT} pgfault less pgmajfault, pgmajfault`,
    v1: `${STAT} total_pgfault less total_pgmajfault, total_pgmajfault`,
    label: 'type',
    values: ['minor', 'major'] as const,
    value: byKey({ minor: 'minorFaults', major: 'majorFaults' }),
  }),
];
