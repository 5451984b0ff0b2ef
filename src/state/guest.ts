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
  /** When it was where, null where its keeper could not write it down. */
  stages: GuestStages | null;
}

/**
 * The stages of a guest's life, in microseconds since its keeper began to boot it, on a monotonic clock; null for what
 * was not reached (native/report.c).
 */
export interface GuestStages {
  /** When that was: Unix time in microseconds. */
  beganAtUs: number | null;
  /** Its kernel was executed, in its sandbox. */
  spawnUs: number | null;
  /** The first instruction of its init. */
  kernelUs: number | null;
  /** It had its root, its mounts and its network. */
  initUs: number | null;
  /** Init had greeted the keeper. */
  helloUs: number | null;
  /** The command was started; without one as `helloUs`. */
  readyUs: number | null;
  /** It was asked to power off: the command had ended, or somebody wished it. */
  stopUs: number | null;
  /** Its kernel had ended. */
  endedUs: number | null;
}

/** Lines of `key=value`; a line without `=` is passed over. Pure. */
export function parseLines(text: string): Map<string, string> {
  const pairs = text.split('\n').flatMap((line): Array<[string, string]> => {
    const equals = line.indexOf('=');
    return equals < 1 ? [] : [[line.slice(0, equals), line.slice(equals + 1)]];
  });
  return new Map(pairs);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw stateError('read', path, error);
  }
}

function readLines(path: string): Map<string, string> | null {
  const text = readText(path);
  return text === null ? null : parseLines(text);
}

/** What the keeper of a guest wrote when it ended; null while it runs, or where nobody could write it. */
export function readEnding(folder: string): GuestEnding | null {
  const lines = readLines(`${folder}/guest.ending`);
  if (lines === null) return null;
  const stages = readStages(folder);
  return {
    reason: (lines.get('reason') ?? 'crash') as EndingReason,
    detail: lines.get('detail') ?? '',
    oomKills: Number(lines.get('oom_kills') ?? 0),
    tasksDenied: Number(lines.get('tasks_denied') ?? 0),
    readyUs: stages?.readyUs ?? null,
    stages,
  };
}

/** What a guest says of itself. Bytes, microseconds, Unix milliseconds; null what it has not said (yet). */
export interface GuestReport extends GuestStages {
  startedAtMs: number | null;
  reportedAtMs: number | null;
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

/** Each stage, and the key under which the keeper writes it. */
const STAGE_KEYS: Readonly<Record<keyof GuestStages, string>> = {
  beganAtUs: 'began_at_us',
  spawnUs: 'spawn_us',
  kernelUs: 'kernel_us',
  initUs: 'init_us',
  helloUs: 'hello_us',
  readyUs: 'ready_us',
  stopUs: 'stop_us',
  endedUs: 'ended_us',
};

/** The same of a report. */
const REPORT_KEYS: Readonly<Record<Exclude<keyof GuestReport, 'release'>, string>> = {
  startedAtMs: 'started_at_ms',
  reportedAtMs: 'reported_at_ms',
  ...STAGE_KEYS,
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

/** The numbers of these keys, null for what is not there or is none. Pure. */
function numbersOf<K extends string>(
  lines: ReadonlyMap<string, string>,
  keys: Readonly<Record<K, string>>,
): Record<K, number | null> {
  const numbers = Object.entries<string>(keys).map(([field, key]) => {
    const value = Number(lines.get(key) ?? NaN);
    return [field, Number.isFinite(value) ? value : null] as const;
  });
  return Object.fromEntries(numbers) as Record<K, number | null>;
}

function readStages(folder: string): GuestStages | null {
  const lines = readLines(`${folder}/guest.report`);
  return lines === null ? null : numbersOf(lines, STAGE_KEYS);
}

/** The last report of a guest, null before its first. */
export function readReport(folder: string): GuestReport | null {
  const lines = readLines(`${folder}/guest.report`);
  return lines === null ? null : { ...numbersOf(lines, REPORT_KEYS), release: lines.get('release') ?? null };
}

/** What a guest was shown while it ran, as `HOST:GUEST` or `HOST:GUEST:ro` (native/mounts_list.c). */
export const readMounts = (folder: string): string[] =>
  (readText(`${folder}/guest.mounts`) ?? '').split('\0').filter((mount) => mount !== '');
