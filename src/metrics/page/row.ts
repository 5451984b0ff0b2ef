import { largestUnit } from '../../shared/units/duration.js';
import { formatCpu } from '../../shared/units/cpu.js';
import { formatBitRate } from '../../shared/units/rate.js';
import { formatSize } from '../../shared/units/size.js';
import type { Member } from './fleet.js';

/** Something in use, and how much of it may be. */
export interface Usage {
  /** What is used, and the limit; in words as they are shown. */
  value: string;
  limit: string | null;
  /** 0 to 1 of the limit, null where there is none. */
  fraction: number | null;
}

/** What a row shows, by column; every entry is text or a usage. */
export interface Row {
  name: string;
  /** How many of its processes were killed for want of memory, in words; empty for none. */
  kills: string;
  state: string;
  memory: Usage;
  cpu: Usage;
  throttled: string;
  download: Usage;
  upload: Usage;
  tasks: Usage;
  uptime: string;
  command: string;
}
export type RowKey = Exclude<keyof Row, 'kills'>;

export const NOTHING = '–';
const LONGEST_COMMAND = 200;

export const percent = (share: number | null): string =>
  share === null ? NOTHING : `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)}%`;

/** CPUs as a percentage of one, with a decimal. */
export const cpuText = (cpus: number): string => `${(cpus * 100).toFixed(1)}%`;

/** Three digits say it: the fourth changes every second. */
export const bitsText = (bps: number): string => formatBitRate(Number(Math.round(bps).toPrecision(3)));

function usage(
  value: number | null,
  limit: number | null,
  show: (n: number) => string,
  showLimit = show,
): Usage {
  return {
    value: value === null ? NOTHING : show(value),
    limit: limit === null ? null : showLimit(limit),
    fraction: value === null || limit === null || limit <= 0 ? null : Math.min(1, value / limit),
  };
}

/** @param now Unix time in milliseconds by the server's clock */
export function rowOf({ listed, reading, rates }: Member, now: number): Row {
  return {
    name: listed.name,
    kills: (reading.oomKills ?? 0) > 0 ? `${reading.oomKills ?? 0} OOM` : '',
    state: listed.state,
    memory: usage(reading.memoryBytes, reading.memoryLimitBytes, formatSize),
    cpu: usage(rates.cpus, reading.cpuLimitCpus, cpuText, formatCpu),
    throttled: percent(rates.throttled),
    download: usage(rates.rxBps, reading.rxLimitBps, bitsText, formatBitRate),
    upload: usage(rates.txBps, reading.txLimitBps, bitsText, formatBitRate),
    tasks: usage(reading.tasks, reading.tasksLimit, String),
    uptime: largestUnit(now - Date.parse(listed.startedAt ?? listed.createdAt)),
    command: (listed.command ?? []).join(' ').slice(0, LONGEST_COMMAND) || NOTHING,
  };
}

/** Nothing there, or nothing going on: shown faintly. */
export function isIdle(cell: string | Usage): boolean {
  return /^(?:–|0(?:\.0)?(?:%|bit)?)$/.test(typeof cell === 'string' ? cell : cell.value);
}

/** Nothing at all to be said of it. */
export const isEmpty = (cell: string | Usage): boolean =>
  typeof cell === 'string' ? cell === NOTHING : cell.value === NOTHING && cell.limit === null;

/** As a screen reader says it. */
export const usageText = ({ value, limit }: Usage): string =>
  limit === null ? `${value}, no limit` : `${value} of ${limit}`;

/** What rows are ordered by: numbers by size, the greatest first; text by the alphabet. */
export function sortKey({ listed, reading, rates }: Member, column: RowKey): number | string {
  const none = -1;
  switch (column) {
    case 'memory':
      return reading.memoryBytes ?? none;
    case 'cpu':
      return rates.cpus ?? none;
    case 'throttled':
      return rates.throttled ?? none;
    case 'download':
      return rates.rxBps ?? none;
    case 'upload':
      return rates.txBps ?? none;
    case 'tasks':
      return reading.tasks ?? none;
    case 'uptime':
      return -Date.parse(listed.startedAt ?? listed.createdAt);
    case 'command':
      return (listed.command ?? []).join(' ');
    case 'name':
    case 'state':
      return listed[column];
  }
}

export interface Order {
  column: RowKey;
  descending: boolean;
}

/** Those that the filter lets through, in order; equal ones by name. */
export function arrange(members: Iterable<Member>, { column, descending }: Order, filter: string): Member[] {
  const wanted = filter.trim().toLowerCase();
  const sign = descending ? -1 : 1;
  const keyed = [...members]
    .filter(({ listed }) => listed.name.includes(wanted))
    .map((member) => ({ member, key: sortKey(member, column) }));
  const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);
  keyed.sort((a, b) => sign * compare(a.key, b.key) || compare(a.member.listed.name, b.member.listed.name));
  return keyed.map(({ member }) => member);
}
