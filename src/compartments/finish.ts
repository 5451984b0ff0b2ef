import { rmSync } from 'node:fs';
import { CompartError } from '../shared/errors.js';
import { isAlive } from '../host/proc/identity.js';
import { statusNumber, type ExitStatus } from '../host/launched.js';
import { readEnding } from '../state/guest.js';
import { readEscapes, type Escape } from '../state/escapes.js';
import { History, type ExitRecord } from '../state/history.js';
import type { Compartment } from './compartment.js';
import { decideGuest, guestLine } from './guest-verdict.js';
import { logFile } from './log.js';
import { readStats, type Known } from './readings.js';
import { killAll } from './strict.js';
import { takeAway } from './sweep.js';
import type { NetRecord } from './net/record.js';
import { decide, unheldLine, verdictLine, type LastReadings } from './verdict.js';

/** How a run ended, and the line to print if a limit decided it. */
export interface RunResult {
  record: ExitRecord;
  /** 0 to 255, as the shell has it; 124 for a timeout. */
  status: number;
  line: string | null;
  /** What `--strict` did, or null. */
  strict: string | null;
  /** Why the history does not have it, or null. */
  notKept: string | null;
}

const TIMEOUT_STATUS = 124;

/**
 * Ends a run: what is left of its processes is killed, the counters are read a last time, the exit record is
 * written, and the compartment goes, unless it is to be kept.
 * @param readings that were made when nothing of it ran any more
 */
export function finishRun(
  compartment: Compartment,
  exit: ExitStatus,
  told: (result: RunResult) => void = () => undefined,
  readings: Known = {},
): RunResult {
  const { host, store, record } = compartment;
  const known: RunResult[] = [];
  const conclude = (): RunResult => {
    const result = known[0] ?? conclusion(compartment, exit, readings);
    if (known.push(result) === 1) told(result);
    return result;
  };
  if (record.spec.keep) {
    killAll(compartment);
    const result = conclusion(compartment, exit, readings);
    // Before anybody is told: an owner that has ended would have it swept.
    store.save({ ...record, owner: null, main: null, endedAt: Date.now(), exitCode: statusNumber(exit) });
    told(result);
    return result;
  }
  takeAway(host, store, record, () => void conclude());
  // Somebody else took it away (rm --force): its counters are gone, the end is still told.
  return conclude();
}

/**
 * The result, written to the history; logs of records that fall out of it go with them. How the command ended is
 * told even where it cannot be kept (a full disk).
 */
function conclusion(compartment: Compartment, exit: ExitStatus, readings: Known): RunResult {
  const result = resultOf(compartment, exit, readings);
  try {
    for (const id of new History(compartment.store.root).add(result.record))
      rmSync(logFile(compartment.host, id), { force: true });
    return result;
  } catch (error) {
    if (!(error instanceof CompartError)) throw error;
    return { ...result, notKept: `${result.record.name} is missing in the history: ${error.message}` };
  }
}

function resultOf(compartment: Compartment, exit: ExitStatus, readings: Known): RunResult {
  const { store, record } = compartment;
  const timedOut = store.hasTimedOut(record.name);
  const stats = readStats(compartment, readings);
  const ending = record.guest === undefined ? null : readEnding(store.folder(record.name));
  const decided = timedOut ? null : decideGuest(ending);
  const isStrict = record.spec.strict === true;
  const escaped = isStrict ? readEscapes(store.folder(record.name)) : [];
  const startedAt = record.startedAt ?? record.createdAt;
  const endedAt = Date.now();
  const exitRecord: ExitRecord = {
    id: record.id,
    name: record.name,
    command: record.spec.command ?? [],
    labels: record.labels,
    startedAt: new Date(startedAt).toISOString(),
    endedAt: new Date(endedAt).toISOString(),
    wallUs: Math.max(0, endedAt - startedAt) * 1000,
    exitCode: exit.exitCode,
    signal: exit.signal,
    ...(decided ?? decide(exit, timedOut, stats)),
    ...(ending === null ? {} : { guest: ending }),
    ...(escaped.length === 0 ? {} : { escaped }),
    stats,
  };
  const status = timedOut ? TIMEOUT_STATUS : statusNumber(exit);
  return {
    record: exitRecord,
    status,
    notKept: null,
    strict: isStrict ? strictLines(record.name, escaped, hasLostGuard(compartment)) : null,
    line:
      decided === null || record.guest === undefined
        ? (verdictLine(exitRecord, stats, record.spec.timeoutMs) ?? unheld(compartment, stats))
        : guestLine(record.name, record.guest, ending),
  };
}

/** It looks until the compartment is gone. */
const hasLostGuard = ({ host, record: { guard } }: Compartment): boolean =>
  guard !== undefined && !isAlive(host.paths.proc, guard);

function strictLines(name: string, escaped: readonly Escape[], unguarded: boolean): string | null {
  const lines = [
    ...(unguarded ? [`${name}: ended with its guard, which somebody has killed (--strict)`] : []),
    ...(escaped.length > 0 ? [escapedLine(name, escaped)] : []),
  ];
  return lines.length === 0 ? null : lines.join('\n');
}

function escapedLine(name: string, escaped: readonly Escape[]): string {
  const count = escaped.length === 1 ? '1 process' : `${escaped.length} processes`;
  const commands = [...new Set(escaped.map(({ command }) => command))].slice(0, 3).join(', ');
  return `${name}: ${count} killed that had left the compartment (--strict): ${commands}`;
}

/** By the record as it was made and, where that does not fit, as `set` has left it. */
function unheld({ store, record }: Compartment, stats: LastReadings): string | null {
  const lineFor = (net: NetRecord | undefined): string | null =>
    net === undefined ? null : unheldLine(record.name, net.limits, stats);
  const line = lineFor(record.subsystems['net'] as NetRecord | undefined);
  return line && lineFor(store.read(record.name)?.subsystems['net'] as NetRecord | undefined);
}
