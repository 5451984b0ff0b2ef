import { cpuRow, diskRow, networkRow, pressureRow, tasksRow } from './compartment-flows.js';
import { memoryRow } from './compartment-memory.js';
import { dashboard, events, type Dashboard, type Row } from './frame.js';
import { NONE_EXPECTED, series, stat } from './panels.js';
import { finite, gain, gainInAll, own, rate } from './queries.js';

const stateRow: Row = {
  title: 'State',
  panels: [
    stat({
      title: 'State',
      description: 'created, running, frozen, stopping, exited or failed.',
      unit: 'string',
      names: true,
      queries: [{ expr: `${own('compart_state')} == 1`, legend: '{{state}}' }],
    }),
    stat({
      title: 'Started',
      description: 'When the current or last run started.',
      unit: 'dateTimeFromNow',
      queries: [{ expr: `1000 * ${own('compart_start_time_seconds')}`, legend: 'started' }],
    }),
    stat({
      title: 'Last exit code',
      description: 'How the last run ended; 128 plus the signal number if a signal ended it.',
      unit: 'none',
      thresholds: NONE_EXPECTED,
      none: 'none yet',
      queries: [{ expr: own('compart_last_exit_code'), legend: 'exit code' }],
    }),
    stat({
      title: 'OOM kills',
      description: 'Processes killed at its memory limit in the time shown.',
      unit: 'short',
      decimals: 0,
      thresholds: NONE_EXPECTED,
      queries: [{ expr: gainInAll(own('compart_memory_oom_kills_total')), legend: 'kills' }],
    }),
    stat({
      title: 'Memory limit',
      description: 'Hard memory limit.',
      unit: 'bytes',
      none: 'unlimited',
      queries: [{ expr: finite(own('compart_memory_limit_bytes')), legend: 'limit' }],
    }),
    stat({
      title: 'CPU limit',
      description: 'Cores it may keep busy: the quota divided by its period.',
      unit: 'short',
      none: 'unlimited',
      queries: [{ expr: finite(own('compart_cpu_limit_cores')), legend: 'cores' }],
    }),
    stat({
      title: 'Kind and network',
      description: 'Whether it is a guest, on which cgroup hierarchy, and which network it has.',
      unit: 'string',
      names: true,
      width: 8,
      queries: [{ expr: own('compart_info'), legend: '{{kind}}, cgroup {{hierarchy}}, network {{net}}' }],
    }),
    stat({
      title: 'CPU weight',
      description: 'Its share where CPUs are contended; 100 is the default.',
      unit: 'none',
      queries: [{ expr: own('compart_cpu_weight'), legend: 'weight' }],
    }),
    stat({
      title: 'Allowed CPUs',
      description: 'CPUs it may run on.',
      unit: 'none',
      queries: [{ expr: own('compart_cpu_allowed_cores'), legend: 'CPUs' }],
    }),
    stat({
      title: 'Last exit',
      description: 'When the last run ended.',
      unit: 'dateTimeFromNow',
      none: 'none yet',
      queries: [{ expr: `1000 * ${own('compart_last_exit_time_seconds')}`, legend: 'ended' }],
    }),
    stat({
      title: 'Created',
      description: 'When the compartment was made.',
      unit: 'dateTimeFromNow',
      queries: [{ expr: `1000 * ${own('compart_creation_time_seconds')}`, legend: 'created' }],
    }),
  ],
};

const lifeRow: Row = {
  title: 'Life',
  panels: [
    series({
      title: 'Starts and ends',
      description: 'Runs that started, and that ended by reason, between two points.',
      unit: 'short',
      bars: true,
      queries: [
        { expr: gain(own('compart_starts_total')), legend: 'started' },
        { expr: gain(own('compart_exits_total')), legend: 'ended: {{reason}}' },
      ],
    }),
    series({
      title: 'Frozen',
      description: 'Share of time in which the compartment was frozen, and whether it is now.',
      unit: 'percentunit',
      max: 1,
      queries: [
        { expr: rate(own('compart_frozen_seconds_total')), legend: 'share of time' },
        { expr: own('compart_frozen'), legend: 'frozen' },
      ],
    }),
  ],
};

/** One compartment, subsystem by subsystem. */
export function compartmentDashboard(): Dashboard {
  return dashboard({
    uid: 'compart-compartment',
    title: 'compart / Compartment',
    description: 'One compartment: what it uses of each subsystem beside its limits, and how its runs ended.',
    compartments: { metric: 'compart_info', one: true },
    annotations: events(),
    rows: [stateRow, memoryRow, cpuRow, pressureRow, tasksRow, diskRow, networkRow, lifeRow],
  });
}
