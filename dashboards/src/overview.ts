import { dashboard, events, type Dashboard } from './frame.js';
import { fleetTable } from './fleet.js';
import { NONE_EXPECTED, series, shares, stat } from './panels.js';
import { EACH, bits, gain, gainInAll, host, own, rate, top } from './queries.js';

const WHO = '{{compartment}} ({{instance}})';

const now = [
  stat({
    title: 'Compartments',
    description: 'Compartments known on the hosts chosen, whatever their state.',
    unit: 'short',
    width: 3,
    queries: [{ expr: `sum(${host('compart_compartments')})`, legend: 'compartments' }],
  }),
  stat({
    title: 'Running',
    description: 'Compartments with a process in them that is not frozen.',
    unit: 'short',
    width: 3,
    queries: [{ expr: `sum(${own('compart_state', 'state="running"')})`, legend: 'running' }],
  }),
  stat({
    title: 'Failed',
    description: 'Compartments that are kept and whose last run did not end well.',
    unit: 'short',
    width: 3,
    thresholds: NONE_EXPECTED,
    queries: [{ expr: `sum(${own('compart_state', 'state="failed"')})`, legend: 'failed' }],
  }),
  stat({
    title: 'Alerts firing',
    description: 'Alerts of compart that fire now, if the alert rules are loaded.',
    unit: 'short',
    width: 3,
    thresholds: NONE_EXPECTED,
    queries: [
      {
        expr: `count(${host('ALERTS', 'alertname=~"Compart.+"', 'alertstate="firing"')}) or vector(0)`,
        legend: 'firing',
      },
    ],
  }),
  stat({
    title: 'OOM kills',
    description:
      'Processes killed at a memory limit in the time shown, in compartments since removed as well.',
    unit: 'short',
    width: 3,
    decimals: 0,
    thresholds: NONE_EXPECTED,
    queries: [{ expr: `sum(${gainInAll(host('compart_host_oom_kills_total'))})`, legend: 'kills' }],
  }),
  stat({
    title: 'Runs ended',
    description: 'Runs that ended in the time shown, for any reason.',
    unit: 'short',
    width: 3,
    decimals: 0,
    queries: [{ expr: `sum(${gainInAll(host('compart_host_exits_total'))})`, legend: 'runs' }],
  }),
  stat({
    title: 'Memory in use',
    description: 'Working set of all compartments chosen.',
    unit: 'bytes',
    width: 3,
    queries: [{ expr: `sum(${own('compart_memory_working_set_bytes')})`, legend: 'memory' }],
  }),
  stat({
    title: 'CPU in use',
    description: 'Cores that all compartments chosen keep busy.',
    unit: 'short',
    width: 3,
    decimals: 2,
    queries: [{ expr: `sum(${rate(own('compart_cpu_seconds_total'))})`, legend: 'cores' }],
  }),
];

const ratio = (usage: string, limit: string): string => `${own(usage)} / ${own(limit)}`;
const throttled = `${rate(own('compart_cpu_throttled_periods_total'))} / ${rate(own('compart_cpu_periods_total'))}`;

const nearest = [
  shares({
    title: 'Nearest to the memory limit',
    description: 'Working set as a share of the memory limit, the ten largest. Without a limit: not listed.',
    unit: 'percentunit',
    width: 8,
    queries: [
      {
        expr: top(`${ratio('compart_memory_working_set_bytes', 'compart_memory_limit_bytes')} > 0`),
        legend: WHO,
      },
    ],
  }),
  shares({
    title: 'Nearest to the CPU limit',
    description: 'Share of periods in which the CPU quota held the compartment back, the ten largest.',
    unit: 'percentunit',
    width: 8,
    queries: [{ expr: top(`${throttled} >= 0`), legend: WHO }],
  }),
  shares({
    title: 'Nearest to the task limit',
    description: 'Tasks as a share of the task limit, the ten largest. Without a limit: not listed.',
    unit: 'percentunit',
    width: 8,
    queries: [{ expr: top(`${ratio('compart_pids', 'compart_pids_limit')} > 0`), legend: WHO }],
  }),
];

const largest = [
  series({
    title: 'Memory, top 10',
    description: 'Working set of the ten largest: memory without page cache that is not in use.',
    unit: 'bytes',
    queries: [{ expr: top(own('compart_memory_working_set_bytes')), legend: WHO }],
  }),
  series({
    title: 'CPU, top 10',
    description: 'Cores kept busy by the ten busiest.',
    unit: 'short',
    queries: [{ expr: top(`sum ${EACH} (${rate(own('compart_cpu_seconds_total'))})`), legend: WHO }],
  }),
  series({
    title: 'Network received, top 10',
    description: 'Bits per second that the ten busiest receive, headers of the link included.',
    unit: 'bps',
    queries: [{ expr: top(bits('receive').rate), legend: WHO }],
  }),
  series({
    title: 'Network sent, top 10',
    description: 'Bits per second that the ten busiest send, headers of the link included.',
    unit: 'bps',
    queries: [{ expr: top(bits('transmit').rate), legend: WHO }],
  }),
  series({
    title: 'Disk, top 10',
    description: 'Bytes per second moved to and from block devices by the ten busiest.',
    unit: 'Bps',
    queries: [{ expr: top(`sum ${EACH} (${rate(own('compart_io_bytes_total'))})`), legend: WHO }],
  }),
  series({
    title: 'Waiting, top 10',
    description: 'Share of time in which a task waited for the resource (pressure stall information).',
    unit: 'percentunit',
    queries: [
      { expr: top(rate(own('compart_pressure_waiting_seconds_total'))), legend: `${WHO} {{resource}}` },
    ],
  }),
];

const totals = [
  series({
    title: 'Runs ended, by reason',
    description: 'Runs that ended between two points, in compartments since removed as well.',
    unit: 'short',
    width: 8,
    bars: true,
    stacked: true,
    queries: [{ expr: `sum by (reason) (${gain(host('compart_host_exits_total'))})`, legend: '{{reason}}' }],
  }),
  series({
    title: 'Created and removed',
    description: 'Compartments made and taken away between two points.',
    unit: 'short',
    width: 8,
    bars: true,
    queries: [
      { expr: `sum(${gain(host('compart_host_created_total'))})`, legend: 'created' },
      { expr: `sum(${gain(host('compart_host_removed_total'))})`, legend: 'removed' },
    ],
  }),
  series({
    title: 'CPU of all, ended ones included',
    description: 'Cores kept busy by all compartments; a run too short for a scrape counts at its end.',
    unit: 'short',
    width: 8,
    stacked: true,
    queries: [
      { expr: `sum by (mode) (${rate(host('compart_host_cpu_seconds_total'))})`, legend: '{{mode}}' },
    ],
  }),
  series({
    title: 'Network of all, ended ones included',
    description: 'Bits per second of all compartments with a stack of their own.',
    unit: 'bps',
    width: 8,
    queries: [
      { expr: `8 * sum(${rate(host('compart_host_network_receive_bytes_total'))})`, legend: 'received' },
      { expr: `8 * sum(${rate(host('compart_host_network_transmit_bytes_total'))})`, legend: 'sent' },
    ],
  }),
  series({
    title: 'Disk of all, ended ones included',
    description: 'Bytes per second of all compartments to and from block devices.',
    unit: 'Bps',
    width: 8,
    queries: [
      { expr: `sum by (operation) (${rate(host('compart_host_io_bytes_total'))})`, legend: '{{operation}}' },
    ],
  }),
  series({
    title: 'Highest memory of one, ended ones included',
    description: 'The most memory that any one compartment of the host ever reached, a short one as well.',
    unit: 'bytes',
    width: 8,
    queries: [{ expr: host('compart_host_memory_peak_bytes'), legend: '{{instance}}' }],
  }),
];

/** The fleet of a host, or of many. */
export function overviewDashboard(): Dashboard {
  return dashboard({
    uid: 'compart-overview',
    title: 'compart / Overview',
    description: 'All compartments of the hosts chosen: which use most, which are held back, how runs end.',
    compartments: { metric: 'compart_info' },
    annotations: events(),
    rows: [
      { title: 'Now', panels: now },
      { title: 'Compartments', panels: [fleetTable()] },
      { title: 'Held by their limits', panels: nearest },
      { title: 'Using most', panels: largest },
      { title: 'Over the life of the host', panels: totals },
    ],
  });
}
