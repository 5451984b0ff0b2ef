import { formatCpu } from '../../shared/units/cpu.js';
import { formatBitRate } from '../../shared/units/rate.js';
import { formatSize } from '../../shared/units/size.js';
import type { Column, Past } from './past.js';
import { bitsText, cpuText, percent } from './row.js';

/** One line of a plot. */
export interface Line {
  column: Column;
  label: string;
  /** Number of its colour in the style sheet: --line-1 and so on. */
  colour: 1 | 2 | 3;
  /** A limit is dashed, and shown only where there is one. */
  limit?: boolean;
  /** Measured on the scale to the right, 0 to 100%. */
  share?: boolean;
}

export interface Plot {
  key: string;
  title: string;
  lines: readonly Line[];
  /** A value in words, and at the axis. */
  show: (value: number) => string;
  axis: (value: number) => string;
  binary?: boolean;
  /** The least that the scale spans, so that idling does not look like work. */
  least: number;
  /** Where nothing of it is measured. */
  absent: string;
}

const axisPercent = (share: number): string => `${Math.round(share * 100)}%`;

export const PLOTS: readonly Plot[] = [
  {
    key: 'memory',
    title: 'Memory',
    lines: [
      { column: 'memoryBytes', label: 'usage', colour: 1 },
      { column: 'workingSetBytes', label: 'working set', colour: 2 },
      { column: 'memoryLimitBytes', label: 'limit', colour: 1, limit: true },
      { column: 'memoryHighBytes', label: 'throttled from', colour: 3, limit: true },
    ],
    show: formatSize,
    axis: formatSize,
    binary: true,
    least: 2 ** 20,
    absent: 'Memory is not counted here: vm is not loaded.',
  },
  {
    key: 'cpu',
    title: 'CPU',
    lines: [
      { column: 'cpus', label: 'used', colour: 1 },
      { column: 'cpuLimitCpus', label: 'limit', colour: 1, limit: true },
      { column: 'throttled', label: 'throttled periods', colour: 3, share: true },
    ],
    show: cpuText,
    axis: formatCpu,
    least: 0.05,
    absent: 'CPU time is not counted here: sched is not loaded.',
  },
  {
    key: 'network',
    title: 'Network',
    lines: [
      { column: 'rxBps', label: 'download', colour: 1 },
      { column: 'rxLimitBps', label: 'download limit', colour: 1, limit: true },
      { column: 'txBps', label: 'upload', colour: 2 },
      { column: 'txLimitBps', label: 'upload limit', colour: 2, limit: true },
    ],
    show: bitsText,
    axis: formatBitRate,
    least: 1000,
    absent: 'Not counted: it uses the network of the host. With --net it has a stack of its own.',
  },
  {
    key: 'pressure',
    title: 'Pressure',
    lines: [
      { column: 'cpuPressure', label: 'waiting for CPU', colour: 1 },
      { column: 'memoryPressure', label: 'for memory', colour: 2 },
      { column: 'ioPressure', label: 'for disk', colour: 3 },
    ],
    show: percent,
    axis: axisPercent,
    least: 0.1,
    absent: 'This kernel does not report pressure (PSI).',
  },
];

/** The lines that have anything to show: limits that are there, counters that the kernel reports. */
export const linesOf = ({ lines }: Plot, past: Past): Line[] =>
  lines.filter(({ column }) => past.column(column).some((value) => value !== null));

export const valueText = ({ show }: Plot, { share }: Line, value: number | null): string =>
  value === null ? '–' : share ? percent(value) : show(value);

const joined = (parts: readonly string[]): string => `${parts.join('; ')}.`;

/** A plot in words, for those who do not see it. */
export function summaryOf(plot: Plot, past: Past): string {
  const lines = linesOf(plot, past);
  if (lines.length === 0) return plot.absent;
  const span = Math.round((past.times.at(-1) ?? 0) - (past.times[0] ?? 0));
  const said = lines.map((line) => {
    const values = past.column(line.column).filter((value) => value !== null);
    const now = valueText(plot, line, past.last(line.column));
    if (line.limit) return `${line.label} ${now}`;
    const least = valueText(plot, line, Math.min(...values));
    const most = valueText(plot, line, Math.max(...values));
    return `${line.label} ${now} now, between ${least} and ${most}`;
  });
  const count = (kind: string): number => past.marks.filter((mark) => mark.kind === kind).length;
  return joined([
    `The last ${span} seconds`,
    ...said,
    `marks: ${count('oom')} for OOM kills, ${count('limit')} for changed limits`,
  ]);
}

/** The span that is shown: it grows from one minute to five. */
export function windowOf(past: Past, keptSeconds: number): [from: number, to: number] {
  const to = past.times.at(-1) ?? 0;
  const span = Math.min(keptSeconds, Math.max(60, to - (past.times[0] ?? to)));
  return [to - span, to];
}

/** The greatest value that a scale must hold, with room above it. */
export function ceilingOf(plot: Plot, past: Past): number {
  const values = linesOf(plot, past)
    .filter(({ share }) => !share)
    .flatMap(({ column }) => past.column(column).filter((value) => value !== null));
  return Math.max(plot.least, ...values) * 1.08;
}
