import { readFileSync } from 'node:fs';
import { errnoOf } from '../shared/errors.js';
import { stateError } from './json.js';

/** Why a guest is no more (native/ending.c). */
export type EndingReason =
  'poweroff' | 'stopped' | 'killed' | 'panic' | 'oom' | 'crash' | 'boot-timeout' | 'kernel' | 'protocol';

/** How a guest ended, in the words of its keeper. */
export interface GuestEnding {
  reason: EndingReason;
  /** Words for people: what the kernel said when it panicked, say. */
  detail: string;
  /** Processes that the guest's own OOM killer has killed. */
  oomKills: number;
  /** Forks that the guest's own limit on tasks refused. */
  tasksDenied: number;
  /** How long it took to come up, null where it did not. */
  readyUs: number | null;
}

/** Lines of `key=value`; a line without `=` is passed over. Pure. */
export function parseLines(text: string): Map<string, string> {
  const pairs = text.split('\n').flatMap((line): Array<[string, string]> => {
    const equals = line.indexOf('=');
    return equals < 1 ? [] : [[line.slice(0, equals), line.slice(equals + 1)]];
  });
  return new Map(pairs);
}

function readLines(path: string): Map<string, string> | null {
  try {
    return parseLines(readFileSync(path, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw stateError('read', path, error);
  }
}

/** What the keeper of a guest wrote when it ended; null while it runs, or where nobody could write it. */
export function readEnding(folder: string): GuestEnding | null {
  const lines = readLines(`${folder}/guest.ending`);
  if (lines === null) return null;
  return {
    reason: (lines.get('reason') ?? 'crash') as EndingReason,
    detail: lines.get('detail') ?? '',
    oomKills: Number(lines.get('oom_kills') ?? 0),
    tasksDenied: Number(lines.get('tasks_denied') ?? 0),
    readyUs: readReport(folder)?.readyUs ?? null,
  };
}

/** What a guest says of itself. Bytes, microseconds, Unix milliseconds; null what it has not said (yet). */
export interface GuestReport {
  startedAtMs: number | null;
  reportedAtMs: number | null;
  /** From the start of its kernel: to the first instruction of init, its root and network made, its first word. */
  kernelUs: number | null;
  initUs: number | null;
  readyUs: number | null;
  release: string | null;
  memoryTotalBytes: number | null;
  memoryAvailableBytes: number | null;
  memoryFreeBytes: number | null;
  memoryCachedBytes: number | null;
  swapTotalBytes: number | null;
  swapFreeBytes: number | null;
  load1: number | null;
  load5: number | null;
  load15: number | null;
  processes: number | null;
  oomKills: number | null;
}

/** Each field of a report and the key under which the keeper writes it. */
const REPORT_KEYS: Readonly<Record<Exclude<keyof GuestReport, 'release'>, string>> = {
  startedAtMs: 'started_at_ms',
  reportedAtMs: 'reported_at_ms',
  kernelUs: 'kernel_us',
  initUs: 'init_us',
  readyUs: 'ready_us',
  memoryTotalBytes: 'mem_total',
  memoryAvailableBytes: 'mem_available',
  memoryFreeBytes: 'mem_free',
  memoryCachedBytes: 'mem_cached',
  swapTotalBytes: 'swap_total',
  swapFreeBytes: 'swap_free',
  load1: 'load1',
  load5: 'load5',
  load15: 'load15',
  processes: 'processes',
  oomKills: 'oom_kills',
};

/** The last report of a guest, null before its first. */
export function readReport(folder: string): GuestReport | null {
  const lines = readLines(`${folder}/guest.report`);
  if (lines === null) return null;
  const numbers = Object.entries(REPORT_KEYS).map(([field, key]) => {
    const value = Number(lines.get(key) ?? NaN);
    return [field, Number.isFinite(value) ? value : null] as const;
  });
  return {
    ...(Object.fromEntries(numbers) as Omit<GuestReport, 'release'>),
    release: lines.get('release') ?? null,
  };
}
