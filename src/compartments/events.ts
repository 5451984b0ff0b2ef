import { watch } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { MemoryStats, CpuStats } from '../host/cgroup/driver.js';
import type { Host } from '../host/host.js';
import { formatIdentity } from '../host/proc/identity.js';
import { readEscapes, type Escape } from '../state/escapes.js';
import { readReport } from '../state/guest.js';
import { History, type ExitRecord } from '../state/history.js';
import { makePrivateDir } from '../state/json.js';
import type { CompartmentRecord } from '../state/record.js';
import type { Compartment } from './compartment.js';
import { EscapeWatch } from './escape.js';
import { listCompartments } from './inspect.js';
import { readStats } from './readings.js';

/** Something that happened in a compartment. `detail` has the keys of the event's kind. */
export interface CompartmentEvent {
  /** ISO 8601, UTC. */
  time: string;
  name: string;
  event: 'created' | 'oom' | 'throttle' | 'limit' | 'escaped' | 'exit';
  detail: Record<string, unknown>;
}

const LOOK_EVERY_MS = 200;

/** What was last seen of a compartment, to tell what has happened since. */
export interface Seen {
  oomKills: number;
  throttledPeriods: number;
  limits: string;
  /** Escapes that were told, by {@link formatIdentity}. */
  escaped: ReadonlySet<string>;
}

const limitsOf = (record: CompartmentRecord): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record.subsystems).map(([kind, { limits }]) => [kind, limits]));

/**
 * Events from now on, as they happen (within 200 ms), until `signal` aborts. A compartment that came and went
 * in between is told from its exit record.
 */
export async function* watchEvents(host: Host, signal: AbortSignal): AsyncGenerator<CompartmentEvent> {
  const ends = watchEnds(host);
  const seen = new Map<string, Seen>();
  const escapes = new EscapeWatch();
  try {
    for (let first = true; !signal.aborted; first = false) {
      yield* changes(host, seen, escapes, first);
      for (const record of ends.take()) yield* exitEvents(record, seen);
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    ends.close();
  }
}

/** Exit records from now on. */
export interface Ends {
  /** Those written since the last call. */
  take(): ExitRecord[];
  close(): void;
}

/** Watches the history for runs that end. @throws ERR_COMPART_STATE if its folder cannot be made */
export function watchEnds(host: Host): Ends {
  const history = new History(host.paths.state);
  makePrivateDir(history.folder);
  const ended = new Set<string>();
  const watcher = watch(history.folder, (_, file) => {
    if (file?.endsWith('.json')) ended.add(file);
  });
  const take = (): ExitRecord[] => {
    const files = [...ended];
    ended.clear();
    return files.flatMap((file) => history.read(file) ?? []);
  };
  return { take, close: () => watcher.close() };
}

function event(
  name: string,
  kind: CompartmentEvent['event'],
  detail: Record<string, unknown>,
): CompartmentEvent {
  return { time: new Date().toISOString(), name, event: kind, detail };
}

async function* changes(
  host: Host,
  seen: Map<string, Seen>,
  escapes: EscapeWatch,
  first: boolean,
): AsyncGenerator<CompartmentEvent> {
  const { compartments } = await listCompartments(host);
  const escaped = await escapes.look(host, compartments);
  for (const compartment of compartments) {
    const { vm, sched } = readStats(compartment);
    const told = toldOf(compartment, escaped.get(compartment.record.id));
    yield* changesOf(compartment.record, oomKillsOf(compartment, vm), sched, told, seen, first);
  }
}

/** Processes that were killed for want of memory: by the host's kernel, and in a guest by its own. */
export function oomKillsOf(
  { store, record }: Pick<Compartment, 'store' | 'record'>,
  vm: Pick<MemoryStats, 'oomKills'> | null | undefined,
): number {
  const inside = record.kind === 'guest' ? readReport(store.folder(record.name))?.oomKills : null;
  return (vm?.oomKills ?? 0) + (inside ?? 0);
}

/** What there is to tell of processes that have left: those that `--strict` has killed, and those that are outside. */
export function toldOf(
  { store, record }: Pick<Compartment, 'store' | 'record'>,
  outside: readonly Escape[] = [],
): ToldEscape[] {
  // Where nobody kills, nothing is written down.
  const killed = record.spec.strict === true ? readEscapes(store.folder(record.name)) : [];
  return [
    ...killed.map((escape) => ({ ...escape, killed: true })),
    ...outside.map((escape) => ({ ...escape, killed: false })),
  ];
}

/** A process that has left, as an event tells of it. */
export type ToldEscape = Escape & { killed: boolean };

/**
 * What happened in one compartment since `seen` was last written, which this does.
 * @param first is this the first look at all? Then what is new to `seen` has not been created just now
 */
export function* changesOf(
  record: CompartmentRecord,
  oomKills: number,
  sched: Pick<CpuStats, 'throttledPeriods'> | null | undefined,
  escaped: readonly ToldEscape[],
  seen: Map<string, Seen>,
  first: boolean,
): Generator<CompartmentEvent> {
  const throttledPeriods = sched?.throttledPeriods ?? 0;
  const before = seen.get(record.id);
  const now = {
    oomKills,
    throttledPeriods,
    limits: JSON.stringify(limitsOf(record)),
    escaped: new Set([...(before?.escaped ?? []), ...escaped.map(formatIdentity)]),
  };
  seen.set(record.id, now);
  if (before !== undefined) yield* differences(record.name, before, now, record);
  else if (!first) {
    yield event(record.name, 'created', { limits: limitsOf(record) });
    const none = { oomKills: 0, throttledPeriods: 0, limits: now.limits, escaped: new Set<string>() };
    yield* differences(record.name, none, now, record);
  }
  // Also at the first look: it is outside now, whenever it left.
  yield* escapeEvents(record.name, escaped, before?.escaped);
}

function* differences(
  name: string,
  before: Seen,
  now: Seen,
  record: CompartmentRecord,
): Generator<CompartmentEvent> {
  // First: the others may have come of it.
  if (now.limits !== before.limits) yield event(name, 'limit', { limits: limitsOf(record) });
  if (now.oomKills > before.oomKills) yield event(name, 'oom', { oomKills: now.oomKills - before.oomKills });
  if (now.throttledPeriods > before.throttledPeriods) {
    yield event(name, 'throttle', { throttledPeriods: now.throttledPeriods - before.throttledPeriods });
  }
}

function* escapeEvents(
  name: string,
  escaped: readonly ToldEscape[],
  known: ReadonlySet<string> = new Set(),
): Generator<CompartmentEvent> {
  // One may stand there as killed and as outside: while it dies.
  const told = new Set(known);
  for (const escape of escaped) {
    const { pid, command, left, killed } = escape;
    if (told.has(formatIdentity(escape))) continue;
    told.add(formatIdentity(escape));
    yield event(name, 'escaped', { pid, command, left, killed });
  }
}

/** What an exit record tells: the end, and escapes and OOM kills that nobody had seen. Forgets the compartment in `seen`. */
export function* exitEvents(record: ExitRecord, seen: Map<string, Seen>): Generator<CompartmentEvent> {
  const onHost = (record.stats['vm'] as MemoryStats | null | undefined)?.oomKills ?? 0;
  const oomKills = onHost + (record.guest?.oomKills ?? 0);
  const known = seen.get(record.id)?.oomKills ?? 0;
  if (oomKills > known) yield event(record.name, 'oom', { oomKills: oomKills - known });
  const killed = (record.escaped ?? []).map((escape) => ({ ...escape, killed: true }));
  yield* escapeEvents(record.name, killed, seen.get(record.id)?.escaped);
  seen.delete(record.id);
  const { exitCode, signal, verdict, limitHit } = record;
  yield event(record.name, 'exit', { exitCode, signal, verdict, limitHit });
}
