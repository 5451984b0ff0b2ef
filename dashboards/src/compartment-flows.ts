import type { Row } from './frame.js';
import { series } from './panels.js';
import { bits, finite, gain, own, rate } from './queries.js';

/** The height at which alerts call a compartment throttled. */
const THROTTLED = [
  { value: null, color: 'green' },
  { value: 0.25, color: 'orange' },
];

/** sched: CPU time beside the quota, and how it held the compartment back. */
export const cpuRow: Row = {
  title: 'CPU',
  panels: [
    series({
      title: 'CPU and its limit',
      description: 'Cores kept busy, in user code and in the kernel, beside the quota.',
      unit: 'short',
      stacked: true,
      queries: [
        { expr: rate(own('compart_cpu_seconds_total')), legend: '{{mode}}' },
        { expr: finite(own('compart_cpu_limit_cores')), legend: 'limit', limit: 'red' },
      ],
    }),
    series({
      title: 'Throttled',
      description: 'Share of periods, and of time, in which the quota held the compartment back.',
      unit: 'percentunit',
      thresholds: THROTTLED,
      queries: [
        {
          expr: `${rate(own('compart_cpu_throttled_periods_total'))} / ${rate(own('compart_cpu_periods_total'))}`,
          legend: 'periods',
        },
        { expr: rate(own('compart_cpu_throttled_seconds_total')), legend: 'time' },
      ],
    }),
  ],
};

/** Pressure stall information of the three resources. */
export const pressureRow: Row = {
  title: 'Pressure',
  panels: [
    series({
      title: 'Waiting',
      description: 'Share of time in which at least one task waited for the resource.',
      unit: 'percentunit',
      max: 1,
      queries: [{ expr: rate(own('compart_pressure_waiting_seconds_total')), legend: '{{resource}}' }],
    }),
    series({
      title: 'Stalled',
      description: 'Share of time in which all tasks that had work to do waited for the resource.',
      unit: 'percentunit',
      max: 1,
      queries: [{ expr: rate(own('compart_pressure_stalled_seconds_total')), legend: '{{resource}}' }],
    }),
  ],
};

/** pids: tasks beside their limit. */
export const tasksRow: Row = {
  title: 'Tasks',
  panels: [
    series({
      title: 'Tasks and their limit',
      description: 'Processes and threads beside the task limit.',
      unit: 'short',
      queries: [
        { expr: own('compart_pids'), legend: 'tasks' },
        { expr: finite(own('compart_pids_limit')), legend: 'limit', limit: 'red' },
      ],
    }),
    series({
      title: 'Forks refused',
      description: 'Forks that the task limit refused, between two points.',
      unit: 'short',
      bars: true,
      queries: [{ expr: gain(own('compart_pids_limit_hits_total')), legend: 'refused' }],
    }),
  ],
};

/** io: what went to and from block devices. */
export const diskRow: Row = {
  title: 'Disk',
  panels: [
    series({
      title: 'Disk bytes',
      description:
        'Bytes per second moved to and from block devices; what the page cache serves is not in it.',
      unit: 'Bps',
      queries: [{ expr: rate(own('compart_io_bytes_total')), legend: '{{operation}}' }],
    }),
    series({
      title: 'Disk operations',
      description: 'Block device operations per second.',
      unit: 'iops',
      queries: [{ expr: rate(own('compart_io_operations_total')), legend: '{{operation}}' }],
    }),
  ],
};

/** net, in short: the network dashboard has the rest. */
export const networkRow: Row = {
  title: 'Network',
  panels: [
    series({
      title: 'Received and its limit',
      description: 'Bits per second received beside the bandwidth limit of that direction.',
      unit: 'bps',
      width: 8,
      queries: [
        { expr: bits('receive').rate, legend: 'received' },
        { expr: bits('receive').limit, legend: 'limit', limit: 'red' },
      ],
    }),
    series({
      title: 'Sent and its limit',
      description: 'Bits per second sent beside the bandwidth limit of that direction.',
      unit: 'bps',
      width: 8,
      queries: [
        { expr: bits('transmit').rate, legend: 'sent' },
        { expr: bits('transmit').limit, legend: 'limit', limit: 'red' },
      ],
    }),
    series({
      title: 'Packets dropped',
      description: 'Packets per second dropped by the bandwidth limiter, by direction.',
      unit: 'pps',
      width: 8,
      queries: [{ expr: rate(own('compart_network_shaper_drops_total')), legend: '{{direction}}' }],
    }),
  ],
};
