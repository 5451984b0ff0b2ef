import { largestUnit } from '../../shared/units/duration.js';
import type { LiveMember } from '../../metrics/live/member.js';
import type { LiveKind } from '../../metrics/live/rates.js';
import { bits, count, percent, shareOf, size, span } from './numbers.js';
import { harmless } from './text.js';

/** One column of the table. */
export interface Column {
  /** How `--sort` calls it; no two are called the same. */
  key: string;
  title: string;
  /** In cells of the terminal. */
  width: number;
  right: boolean;
  show: (member: LiveMember) => string;
  /** What rows are ordered by: numbers the greatest first, words by the alphabet. */
  order: (member: LiveMember) => number | string | null;
  /** What must have been read for it. */
  kind: LiveKind | null;
  /** Of a limit, in percent; from 90 on it is shown in red. */
  fullness?: (member: LiveMember) => number | null;
}

const STATES = { created: 'cre', running: 'run', frozen: 'frz', exited: 'exi' } as const;

const sinceOf = ({ record }: LiveMember): number => record.startedAt ?? record.createdAt;
const cpuLimit = ({ stats }: LiveMember): number | null =>
  stats.sched?.limitCpus == null ? null : stats.sched.limitCpus * 100;
const memoryShare = ({ stats }: LiveMember): number | null =>
  shareOf(stats.vm?.usageBytes, stats.vm?.limitBytes);

/** Without a ceiling nothing can be held back. */
const throttledOf = ({ rates, stats }: LiveMember): number | null =>
  stats.sched?.limitCpus == null ? null : rates.throttledPercent;

/** The worst of what it waits for, in percent of the time: CPU, memory or disk. */
export function pressureOf({ rates }: Pick<LiveMember, 'rates'>): number | null {
  const all = [rates.cpuPressurePercent, rates.memoryPressurePercent, rates.ioPressurePercent];
  const known = all.filter((each) => each !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** The command on one line, with nothing in it that a terminal would obey. */
export const commandOf = ({ record }: LiveMember): string =>
  harmless((record.spec.command ?? []).join(' ')).trim() || '-';

type Numeric = (member: LiveMember) => number | null | undefined;

function numeric(
  key: string,
  title: string,
  width: number,
  kind: LiveKind | null,
  value: Numeric,
  show: (value: number | null | undefined) => string,
  fullness?: Column['fullness'],
): Column {
  const order = (member: LiveMember): number | null => value(member) ?? null;
  const column = { key, title, width, right: true, kind, order, show: (m: LiveMember) => show(value(m)) };
  return fullness === undefined ? column : { ...column, fullness };
}

const word = (key: string, title: string, width: number, show: (member: LiveMember) => string): Column => ({
  key,
  title,
  width,
  right: false,
  kind: null,
  show,
  order: show,
});

/** Those of a terminal of 80 columns, which they fill. */
export const COLUMNS: readonly Column[] = [
  word('name', 'NAME', 14, ({ record }) => harmless(record.name)),
  word('kind', 'KIND', 5, ({ record }) => (record.kind === 'compartment' ? 'comp' : 'guest')),
  word('state', 'ST', 3, ({ state }) => STATES[state]),
  numeric(
    'cpu',
    'CPU%',
    5,
    'sched',
    ({ rates }) => rates.cpuPercent,
    percent,
    (member) => shareOf(member.rates.cpuPercent, cpuLimit(member)),
  ),
  numeric('cpulimit', 'LIM', 4, 'sched', cpuLimit, (limit) => percent(limit).replace(/\.0$/, '')),
  numeric('throttled', 'THR%', 4, 'sched', throttledOf, percent),
  numeric('mem', 'MEM', 5, 'vm', ({ stats }) => stats.vm?.usageBytes, size),
  numeric('memlimit', 'LIM', 5, 'vm', ({ stats }) => stats.vm?.limitBytes, size),
  numeric('mem%', 'MEM%', 4, 'vm', memoryShare, percent, memoryShare),
  numeric(
    'rx',
    'RX/s',
    5,
    'net',
    ({ rates }) => rates.rxBps,
    bits,
    ({ rates, stats }) => shareOf(rates.rxBps, stats.net?.rxLimitBps),
  ),
  numeric(
    'tx',
    'TX/s',
    5,
    'net',
    ({ rates }) => rates.txBps,
    bits,
    ({ rates, stats }) => shareOf(rates.txBps, stats.net?.txLimitBps),
  ),
  numeric('psi', 'PSI', 4, null, pressureOf, percent),
  numeric(
    'pids',
    'PIDS',
    5,
    'pids',
    ({ stats }) => stats.pids?.current,
    count,
    ({ stats }) => shareOf(stats.pids?.current, stats.pids?.limit),
  ),
];

/** What there is room for in wider ones, the most wanted first. */
export const MORE_COLUMNS: readonly Column[] = [
  numeric('read', 'READ/s', 6, 'io', ({ rates }) => rates.readBytesPerSecond, size),
  numeric('write', 'WRIT/s', 6, 'io', ({ rates }) => rates.writeBytesPerSecond, size),
  {
    ...numeric('uptime', 'UP', 4, null, sinceOf, () => ''),
    show: (member) => largestUnit(Date.now() - sinceOf(member)),
    order: (member) => Date.now() - sinceOf(member),
  },
  numeric('swap', 'SWAP', 5, 'vm', ({ stats }) => stats.vm?.swapBytes, size),
  numeric('oom', 'OOM', 4, 'vm', ({ stats }) => stats.vm?.oomKills, count),
  numeric('held', 'HELD', 5, 'sched', ({ stats }) => stats.sched?.throttledUs, span),
  numeric('rxlimit', 'RXLIM', 5, 'net', ({ stats }) => stats.net?.rxLimitBps, bits),
  numeric('txlimit', 'TXLIM', 5, 'net', ({ stats }) => stats.net?.txLimitBps, bits),
];

/** Takes what is left of the width. */
export const COMMAND: Column = word('command', 'COMMAND', 12, commandOf);

/** All that rows can be ordered by. */
export const SORTABLE: readonly Column[] = [...COLUMNS, ...MORE_COLUMNS, COMMAND];

/** What must be read of every row for this order. */
export function kindsFor(column: Column): readonly LiveKind[] {
  if (column.key === 'psi') return ['vm', 'sched', 'io'];
  return column.kind === null ? [] : [column.kind];
}
