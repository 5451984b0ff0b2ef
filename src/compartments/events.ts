import { watch } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { MemoryStats, CpuStats } from '../host/cgroup/driver.js';
import type { Host } from '../host/host.js';
import { History, type ExitRecord } from '../state/history.js';
import { makePrivateDir } from '../state/json.js';
import type { CompartmentRecord } from '../state/record.js';
import { listCompartments } from './inspect.js';
import { readStats } from './readings.js';

/** Something that happened in a compartment. `detail` has the keys of the event's kind. */
export interface CompartmentEvent {
  /** ISO 8601, UTC. */
  time: string;
  name: string;
  event: 'created' | 'oom' | 'throttle' | 'limit' | 'exit';
  detail: Record<string, unknown>;
}

const LOOK_EVERY_MS = 200;

interface Seen {
  oomKills: number;
  throttledPeriods: number;
  limits: string;
}

const limitsOf = (record: CompartmentRecord): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record.subsystems).map(([kind, { limits }]) => [kind, limits]));

/**
 * Events from now on, as they happen (within 200 ms), until `signal` aborts. A compartment that came and went
 * in between is told from its exit record.
 */
export async function* watchEvents(host: Host, signal: AbortSignal): AsyncGenerator<CompartmentEvent> {
  const history = new History(host.paths.state);
  makePrivateDir(history.folder);
  const ended: string[] = [];
  const watcher = watch(history.folder, (_, file) => {
    if (file?.endsWith('.json') && !ended.includes(file)) ended.push(file);
  });
  const seen = new Map<string, Seen>();
  try {
    for (let first = true; !signal.aborted; first = false) {
      yield* changes(host, seen, first);
      for (const file of ended.splice(0)) {
        const record = history.read(file);
        if (record !== null) yield* exitEvents(record, seen);
      }
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    watcher.close();
  }
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
  first: boolean,
): AsyncGenerator<CompartmentEvent> {
  const { compartments } = await listCompartments(host);
  for (const compartment of compartments) {
    const { record } = compartment;
    const stats = readStats(compartment);
    const now = countersOf(stats.vm, stats.sched, record);
    const before = seen.get(record.id);
    seen.set(record.id, now);
    if (before === undefined) {
      if (first) continue;
      yield event(record.name, 'created', { limits: limitsOf(record) });
      yield* differences(record.name, { oomKills: 0, throttledPeriods: 0, limits: now.limits }, now, record);
      continue;
    }
    yield* differences(record.name, before, now, record);
  }
}

function countersOf(
  vm: MemoryStats | null | undefined,
  sched: CpuStats | null | undefined,
  record: CompartmentRecord,
): Seen {
  return {
    oomKills: vm?.oomKills ?? 0,
    throttledPeriods: sched?.throttledPeriods ?? 0,
    limits: JSON.stringify(limitsOf(record)),
  };
}

function* differences(
  name: string,
  before: Seen,
  now: Seen,
  record: CompartmentRecord,
): Generator<CompartmentEvent> {
  if (now.oomKills > before.oomKills) yield event(name, 'oom', { oomKills: now.oomKills - before.oomKills });
  if (now.throttledPeriods > before.throttledPeriods) {
    yield event(name, 'throttle', { throttledPeriods: now.throttledPeriods - before.throttledPeriods });
  }
  if (now.limits !== before.limits) yield event(name, 'limit', { limits: limitsOf(record) });
}

function* exitEvents(record: ExitRecord, seen: Map<string, Seen>): Generator<CompartmentEvent> {
  const oomKills = (record.stats['vm'] as MemoryStats | null | undefined)?.oomKills ?? 0;
  const known = seen.get(record.id)?.oomKills ?? 0;
  if (oomKills > known) yield event(record.name, 'oom', { oomKills: oomKills - known });
  seen.delete(record.id);
  const { exitCode, signal, verdict, limitHit } = record;
  yield event(record.name, 'exit', { exitCode, signal, verdict, limitHit });
}
