import { rows, type Family } from './family.js';
import type { Seen } from './table-life.js';

const { one, split } = rows<Seen>('g');
/** Nothing yet: there is no guest to report. */
const value = (): null => null;
const v2 = "the guest's report";

const PLAIN: ReadonlyArray<['counter' | 'gauge', string, string]> = [
  ['gauge', 'up', '1 if the guest reported within the last reporting interval times three.'],
  ['gauge', 'last_report_time_seconds', 'Unix time of the last report from the guest.'],
  ['gauge', 'boot_time_seconds', 'Unix time at which the guest kernel booted.'],
  ['gauge', 'memory_total_bytes', 'Memory the guest kernel sees.'],
  ['gauge', 'memory_available_bytes', 'Memory available to guest programs without swapping.'],
  ['gauge', 'memory_free_bytes', 'Unused guest memory.'],
  ['gauge', 'memory_cached_bytes', 'Guest page cache.'],
  ['gauge', 'load1', 'Guest load average over one minute.'],
  ['gauge', 'load5', 'Guest load average over five minutes.'],
  ['gauge', 'load15', 'Guest load average over fifteen minutes.'],
  ['gauge', 'processes', 'Processes in the guest.'],
  ['counter', 'oom_kills_total', 'Processes killed by the OOM killer of the guest kernel.'],
];

/** What guests will report; none exists yet, so that these have no samples. */
export const GUEST: ReadonlyArray<Family<Seen>> = [
  ...PLAIN.map(([type, name, help]) => one(type, { name: `compart_guest_${name}`, help, v2, value })),
  split('gauge', {
    name: 'compart_guest_boot_duration_seconds',
    help: 'Time from spawn to the named stage of the last boot.',
    v2,
    label: 'stage',
    values: ['kernel', 'init', 'ready'] as const,
    value,
  }),
];
