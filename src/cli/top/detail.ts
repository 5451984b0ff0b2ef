import { largestUnit } from '../../shared/units/duration.js';
import { REMEMBERED_MS, type LiveMember, type Moment } from '../../metrics/live/member.js';
import { commandOf, pressureOf } from './columns.js';
import { bits, count, NONE, percent, size, span } from './numbers.js';
import { cells, sparkline } from './sparkline.js';
import type { Style } from './style.js';
import { cut, fit, harmless } from './text.js';

const LABEL_CELLS = 10;
const VALUE_CELLS = 8;
const MOST_SECONDS = REMEMBERED_MS / 1000;

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
    { label: 'throttled%', value: ({ rates }) => rates.throttledPercent, show: percent, top: 100 },
    { label: 'memory', value: ({ memoryBytes }) => memoryBytes, show: size, top: vm?.limitBytes ?? null },
    { label: 'rx bit/s', value: ({ rates }) => rates.rxBps, show: bits, top: net?.rxLimitBps ?? null },
    { label: 'tx bit/s', value: ({ rates }) => rates.txBps, show: bits, top: net?.txLimitBps ?? null },
    { label: 'pressure%', value: pressureOf, show: percent, top: 100 },
  ];
}

/** `label  now  ▁▂▃…  of top` */
function plotLine(plot: Plot, past: readonly Moment[], now: number, width: number): string {
  const points = past.map((moment) => ({ at: moment.at, value: plot.value(moment) }));
  const count = Math.max(1, Math.min(MOST_SECONDS, width - LABEL_CELLS - VALUE_CELLS - 11));
  const values = cells(points, now, count, REMEMBERED_MS / count);
  const greatest = Math.max(0, ...values.map((value) => value ?? 0));
  const top = Math.max(greatest, plot.top ?? 0);
  const current = plot.show(points.at(-1)?.value ?? null);
  const label = fit(plot.label, LABEL_CELLS);
  return cut(
    `${label} ${fit(current, VALUE_CELLS - 2, true)}  ${sparkline(values, top)} of ${plot.show(top)}`,
    width,
  );
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
    cut('the last 60 seconds', width),
    ...plotsOf(member).map((plot) => plotLine(plot, member.past, now, width)),
  ];
}
