import { largestUnit } from '../../shared/units/duration.js';
import { REMEMBERED_MS, type LiveMember, type Moment } from '../../metrics/live/member.js';
import { commandOf, pressureOf } from './columns.js';
import { bits, count, NONE, percent, size, span } from './numbers.js';
import { cells, sparkline } from './sparkline.js';
import type { Style } from './style.js';
import { cut, fit, harmless } from './text.js';

const LABEL_CELLS = 10;
const PLOT_LABEL_CELLS = 4;
const VALUE_CELLS = 5;
/** One a second. */
const MOST_BARS = REMEMBERED_MS / 1000;

interface Plot {
  label: string;
  value: (moment: Moment) => number | null;
  show: (value: number | null) => string;
  /** What a full bar is at least. */
  top: number | null;
}

function plotsOf({ stats }: LiveMember): Plot[] {
  const { sched, vm, net } = stats;
  const cpuTop = sched?.limitCpus == null ? 100 : sched.limitCpus * 100;
  return [
    { label: 'CPU%', value: ({ rates }) => rates.cpuPercent, show: percent, top: cpuTop },
    { label: 'THR%', value: ({ rates }) => rates.throttledPercent, show: percent, top: 100 },
    { label: 'MEM', value: ({ memoryBytes }) => memoryBytes, show: size, top: vm?.limitBytes ?? null },
    { label: 'RX/s', value: ({ rates }) => rates.rxBps, show: bits, top: net?.rxLimitBps ?? null },
    { label: 'TX/s', value: ({ rates }) => rates.txBps, show: bits, top: net?.txLimitBps ?? null },
    { label: 'PSI', value: pressureOf, show: percent, top: 100 },
  ];
}

/** `label now/top bars`, 76 cells where there is room for all of the minute. */
function plotLine(plot: Plot, past: readonly Moment[], now: number, width: number): string {
  const points = past.map((moment) => ({ at: moment.at, value: plot.value(moment) }));
  const bars = Math.max(1, Math.min(MOST_BARS, width - PLOT_LABEL_CELLS - 2 * VALUE_CELLS - 3));
  const values = cells(points, now, bars, REMEMBERED_MS / bars);
  const known = values.filter((value) => value !== null);
  const top = Math.max(0, ...known, plot.top ?? 0);
  const label = fit(plot.label, PLOT_LABEL_CELLS);
  const current = fit(plot.show(points.at(-1)?.value ?? null), VALUE_CELLS, true);
  const greatest = fit(plot.show(known.length === 0 ? plot.top : top), VALUE_CELLS);
  return cut(`${label} ${current}/${greatest} ${sparkline(values, top)}`, width);
}

function facts(member: LiveMember): Array<[string, string]> {
  const { record, state, stats, rates } = member;
  const { vm, sched, net, pids } = stats;
  const labels = Object.entries(record.labels).map(([key, value]) => `${key}=${value}`);
  const limit = sched?.limitCpus == null ? NONE : percent(sched.limitCpus * 100).replace(/\.0$/, '');
  return [
    ['command', commandOf(member)],
    ['labels', harmless(labels.join(' ')) || NONE],
    ['state', `${state}, up ${largestUnit(Date.now() - (record.startedAt ?? record.createdAt))}`],
    ['CPU', `limit ${limit}%, held back for ${span(sched?.throttledUs)} in all`.replace('-%', '-')],
    [
      'memory',
      `limit ${size(vm?.limitBytes)}, cache ${size(vm?.cacheBytes)}, swap ${size(vm?.swapBytes)}, OOM kills ${count(vm?.oomKills)}`,
    ],
    ['network', `limit down ${bits(net?.rxLimitBps)}, up ${bits(net?.txLimitBps)}`],
    [
      'disk',
      `read ${size(rates.readBytesPerSecond)}/s, written ${size(rates.writeBytesPerSecond)}/s`.replaceAll(
        '-/s',
        '-',
      ),
    ],
    [
      'pressure',
      `CPU ${percent(rates.cpuPressurePercent)}, memory ${percent(rates.memoryPressurePercent)}, disk ${percent(rates.ioPressurePercent)}`,
    ],
    ['tasks', `${count(pids?.current)}, limit ${count(pids?.limit)}`],
  ];
}

/** One compartment, with what it did in the last minute. @param now monotonic, in milliseconds */
export function detailLines(member: LiveMember, now: number, width: number, style: Style): string[] {
  const { record } = member;
  return [
    style.strong(cut(`${record.name}  ${record.kind} ${record.id}`, width)),
    '',
    ...facts(member).map(([label, text]) => cut(`${fit(label, LABEL_CELLS)} ${text}`, width)),
    '',
    cut('now/most and the last 60 seconds', width),
    ...plotsOf(member).map((plot) => plotLine(plot, member.past, now, width)),
  ];
}
