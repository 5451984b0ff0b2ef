import { dashboard, events, type Dashboard, type Row } from './frame.js';
import { NONE_EXPECTED, buckets, series, stat } from './panels.js';
import { EACH, finite, gain, gainInAll, host, own, rate } from './queries.js';

const WHO = '{{compartment}}';
const guest = (name: string): string => own(`compart_guest_${name}`);
const boots = (suffix: string): string => host(`compart_boot_duration_seconds_${suffix}`);

/** Of the compartments chosen, those that are guests. */
const ofGuests = (expr: string): string => `${expr} and on (job, instance, compartment) ${guest('up')}`;
const quantile = (share: number): string =>
  `histogram_quantile(${share}, sum by (le) (${gainInAll(boots('bucket'))}))`;

const nowRow: Row = {
  title: 'Guests',
  panels: [
    stat({
      title: 'Guests up',
      description: 'Guests that have reported within three reporting intervals.',
      unit: 'short',
      queries: [{ expr: `sum(${guest('up')})`, legend: 'up' }],
    }),
    stat({
      title: 'Guests down',
      description: 'Guests that should report and do not.',
      unit: 'short',
      thresholds: NONE_EXPECTED,
      queries: [{ expr: `sum(1 - ${guest('up')})`, legend: 'down' }],
    }),
    stat({
      title: 'Boots',
      description: 'Guest boots on the hosts chosen in the time shown.',
      unit: 'short',
      decimals: 0,
      queries: [{ expr: `sum(${gainInAll(boots('count'))})`, legend: 'boots' }],
    }),
    stat({
      title: 'Boot time, median',
      description: 'From spawn to ready, the median of the boots in the time shown.',
      unit: 's',
      queries: [{ expr: quantile(0.5), legend: 'median' }],
    }),
    stat({
      title: 'Boot time, 95th percentile',
      description: 'From spawn to ready; 5% of the boots in the time shown took longer.',
      unit: 's',
      queries: [{ expr: quantile(0.95), legend: '95%' }],
    }),
    stat({
      title: 'Boot time, mean',
      description: 'From spawn to ready, the mean of the boots in the time shown.',
      unit: 's',
      queries: [
        { expr: `sum(${gainInAll(boots('sum'))}) / sum(${gainInAll(boots('count'))})`, legend: 'mean' },
      ],
    }),
  ],
};

const bootRow: Row = {
  title: 'Boot',
  panels: [
    series({
      title: 'Last boot, by stage',
      description: 'Time from spawn until the kernel ran, until init ran, and until the guest was ready.',
      unit: 's',
      queries: [{ expr: guest('boot_duration_seconds'), legend: `${WHO} {{stage}}` }],
    }),
    buckets({
      title: 'Boot times of the host',
      description: 'How many boots took how long, from spawn to ready.',
      unit: 'short',
      expr: `sum by (le) (${gain(boots('bucket'))})`,
    }),
    series({
      title: 'Up since',
      description: 'Age of the guest kernel, and of the last report of the guest.',
      unit: 's',
      queries: [
        { expr: `time() - ${guest('boot_time_seconds')}`, legend: `${WHO} booted` },
        { expr: `time() - ${guest('last_report_time_seconds')}`, legend: `${WHO} reported` },
      ],
    }),
    series({
      title: 'CPU of the guests',
      description: 'Cores that a guest keeps busy on its host, beside its limit.',
      unit: 'short',
      queries: [
        { expr: ofGuests(`sum ${EACH} (${rate(own('compart_cpu_seconds_total'))})`), legend: WHO },
        {
          expr: ofGuests(finite(own('compart_cpu_limit_cores'))),
          legend: `${WHO} limit`,
          limit: 'red',
        },
      ],
    }),
  ],
};

const memoryRow: Row = {
  title: 'Memory, inside and outside',
  panels: [
    series({
      title: "Guest's use and host's charge",
      description:
        'What the guest itself calls used, what the host charges for it, and its limit. The host charges pages the guest has touched once, also where the guest calls them free.',
      unit: 'bytes',
      queries: [
        {
          expr: `${guest('memory_total_bytes')} - ${guest('memory_available_bytes')}`,
          legend: `${WHO} used, says the guest`,
        },
        { expr: ofGuests(own('compart_memory_usage_bytes')), legend: `${WHO} charged by the host` },
        {
          expr: ofGuests(finite(own('compart_memory_limit_bytes'))),
          legend: `${WHO} limit`,
          limit: 'red',
        },
      ],
    }),
    series({
      title: 'Memory inside the guest',
      description: 'As the guest kernel sees it: all, available without swapping, unused, page cache.',
      unit: 'bytes',
      queries: [
        { expr: guest('memory_total_bytes'), legend: `${WHO} total` },
        { expr: guest('memory_available_bytes'), legend: `${WHO} available` },
        { expr: guest('memory_free_bytes'), legend: `${WHO} free` },
        { expr: guest('memory_cached_bytes'), legend: `${WHO} page cache` },
      ],
    }),
    series({
      title: 'OOM kills, inside and outside',
      description: "Processes killed by the guest's own kernel, and by the host's at the limit of the guest.",
      unit: 'short',
      bars: true,
      queries: [
        { expr: gain(guest('oom_kills_total')), legend: `${WHO} inside` },
        { expr: ofGuests(gain(own('compart_memory_oom_kills_total'))), legend: `${WHO} by the host` },
      ],
    }),
    series({
      title: 'Load and processes',
      description: 'Load averages of the guest, and its processes.',
      unit: 'short',
      queries: [
        { expr: guest('load1'), legend: `${WHO} 1 min` },
        { expr: guest('load5'), legend: `${WHO} 5 min` },
        { expr: guest('load15'), legend: `${WHO} 15 min` },
        { expr: guest('processes'), legend: `${WHO} processes` },
      ],
    }),
  ],
};

/** Guests: how fast they boot, what they see and what they cost. */
export function guestDashboard(): Dashboard {
  return dashboard({
    uid: 'compart-guest',
    title: 'compart / Guests',
    description:
      'Compartments with a kernel of their own: boot time, memory inside against the charge outside.',
    compartments: { metric: 'compart_guest_up' },
    annotations: events(),
    rows: [nowRow, bootRow, memoryRow],
  });
}
