import type { GuestReport } from '../state/guest.js';
import { rows, type Family, type Value } from './family.js';
import type { Seen } from './table-life.js';

const { one, split } = rows<Seen>('g');
const v2 = "the guest's report";

/** How often a guest reports (src/kernel/boot.ts), and after how many intervals without a word it counts as down. */
const REPORT_MS = 5000;
const SILENT = 3;

/** A frozen guest cannot say anything: it is as up as it was. */
function up({ record, guest, state, frozen }: Seen): Value {
  if (record.kind !== 'guest') return null;
  if (state !== 'running' && !frozen) return 0;
  const reported = guest?.reportedAtMs ?? null;
  return Number(reported !== null && (frozen || Date.now() - reported < SILENT * REPORT_MS));
}

const seconds = (ms: number | null | undefined): Value => (typeof ms === 'number' ? ms / 1000 : null);

const PLAIN: ReadonlyArray<['counter' | 'gauge', string, string, (seen: Seen) => Value]> = [
  ['gauge', 'up', '1 if the guest reported within the last reporting interval times three.', up],
  [
    'gauge',
    'last_report_time_seconds',
    'Unix time of the last report from the guest.',
    ({ guest }) => seconds(guest?.reportedAtMs),
  ],
  [
    'gauge',
    'boot_time_seconds',
    'Unix time at which the guest kernel booted.',
    ({ guest }) => seconds(guest?.startedAtMs),
  ],
];

const REPORTED: ReadonlyArray<['counter' | 'gauge', string, string, keyof GuestReport]> = [
  ['gauge', 'memory_total_bytes', 'Memory the guest kernel sees.', 'memoryTotalBytes'],
  [
    'gauge',
    'memory_available_bytes',
    'Memory available to guest programs without swapping.',
    'memoryAvailableBytes',
  ],
  ['gauge', 'memory_free_bytes', 'Unused guest memory.', 'memoryFreeBytes'],
  ['gauge', 'memory_cached_bytes', 'Guest page cache.', 'memoryCachedBytes'],
  ['gauge', 'load1', 'Guest load average over one minute.', 'load1'],
  ['gauge', 'load5', 'Guest load average over five minutes.', 'load5'],
  ['gauge', 'load15', 'Guest load average over fifteen minutes.', 'load15'],
  ['gauge', 'processes', 'Processes in the guest.', 'processes'],
  [
    'counter',
    'oom_kills_total',
    'Processes killed by the OOM killer of the guest kernel for want of its RAM.',
    'oomKills',
  ],
];

const STAGES = { kernel: 'kernelUs', init: 'initUs', ready: 'readyUs' } as const;

/** What guests say of themselves. */
export const GUEST: ReadonlyArray<Family<Seen>> = [
  ...PLAIN.map(([type, name, help, value]) => one(type, { name: `compart_guest_${name}`, help, v2, value })),
  split('gauge', {
    name: 'compart_guest_boot_duration_seconds',
    help: 'Time from spawn to the named stage of the last boot.',
    v2,
    label: 'stage',
    values: ['kernel', 'init', 'ready'] as const,
    value: ({ guest }, stage) => {
      const us = guest?.[STAGES[stage]];
      return typeof us === 'number' ? us / 1e6 : null;
    },
  }),
  ...REPORTED.map(([type, name, help, key]) =>
    one(type, {
      name: `compart_guest_${name}`,
      help,
      v2,
      live: type === 'gauge',
      value: ({ guest }) => guest?.[key] as Value,
    }),
  ),
];
