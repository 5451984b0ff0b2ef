import { readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { PlaceIndex, placesLeft, placesOf, type Places } from '../host/cgroup/places.js';
import type { Host } from '../host/host.js';
import type { ProcessIdentity } from '../host/proc/identity.js';
import { formatIdentity } from '../host/proc/identity.js';
import {
  readGroups,
  readProcessesBySlices,
  threadGroups,
  type ProcessEntry,
  type ProcessTable,
} from '../host/proc/table.js';
import { Pace } from '../shared/pace.js';
import type { Store } from '../state/store.js';
import { isHeld } from '../state/lock.js';
import type { Escape } from '../state/escapes.js';
import { controllersOfAll, isBeingMade, surplusOf, type ControllersOf } from './change.js';
import type { Compartment } from './compartment.js';

/** Escapes by the id of the compartment; one without any has no entry. */
export type Escapes = ReadonlyMap<string, Escape[]>;

/**
 * Between two looks at a process that seems to have left: one that is being born, or moved in by `attach`, is in some of
 * the groups already and in others not yet, for as long as the kernel takes for each (an RCU grace period).
 */
const BETWEEN_LOOKS_MS = 50;
/** How long an event loop waits at a stretch. */
const SLICE_MS = 5;
/** Clock ticks of field 22 of /proc/PID/stat (USER_HZ). */
const TICKS_PER_MS = 0.1;

/**
 * Processes that have left groups of their compartment, by one look at all processes. These are seen: one that is in some of
 * its groups and not in others; its command, wherever it is; what descends from these without being in its groups; and
 * under `--strict` also descendants that have lost their parents, which its front or monitor has adopted. Not seen is one
 * that left all groups and descends from nobody who is there (docs/security.md).
 * @param all compartments there are, so that the command of one is not taken for what has left another
 */
export function findEscapes(
  host: Host,
  compartments: readonly Compartment[],
  table: ProcessTable,
  all: ReadonlyArray<Pick<Compartment, 'record'>> = compartments,
): Map<string, Escape[]> {
  const own = readGroups(host.paths.proc, host.caller.pid) ?? new Map<string, string>();
  const children = childrenIn(table);
  const commands = new Map(
    all.flatMap(({ record: { id, main } }) => (main === null ? [] : [[main.pid, { id, main }]])),
  );
  const isOthers = (id: string, entry: ProcessEntry): boolean => {
    const known = commands.get(entry.stat.pid);
    return known !== undefined && known.id !== id && isSame(entry, known.main);
  };
  const settled = compartments.filter(isSettled);
  const controllersOf = controllersOfAll(host);
  const index = new PlaceIndex(settled.map((compartment) => placesIn(compartment, own, controllersOf)));
  const members = index.membersIn(table);
  const found = new Map<string, Escape[]>();
  for (const [number, compartment] of settled.entries()) {
    const places = index.places[number] ?? new Map<string, string>();
    const roots = [...(members.get(number) ?? []), ...rootsOf(compartment, table, children)];
    const reached = descend(roots, children, (entry) => isOthers(compartment.record.id, entry));
    const escapes = reached.flatMap((entry) => escapeOf(host, places, entry) ?? []);
    if (escapes.length > 0) found.set(compartment.record.id, escapes);
  }
  return found;
}

/** All compartments whose record is whole. */
export const allOf = (host: Host, store: Store): Compartment[] =>
  store.names().flatMap((name) => {
    const record = store.readWhole(name);
    return record === null ? [] : [{ host, store, record }];
  });

/** Every process there is, read in slices. */
export const lookAtAll = ({ paths }: Host): Promise<ProcessTable> =>
  readProcessesBySlices(paths.proc, new Pace(SLICE_MS));

/** One look in slices, or at what the caller has looked at; none where there is nothing to look for. */
async function lookBySlices(
  host: Host,
  compartments: readonly Compartment[],
  all: readonly Compartment[] = compartments,
  table?: ProcessTable,
): Promise<Escapes> {
  if (compartments.length === 0) return new Map();
  return findEscapes(host, compartments, table ?? (await lookAtAll(host)), all);
}

/**
 * Two looks, the second only where the first has found something: what both have found.
 * @param all as of {@link findEscapes}
 * @param table what the first look is at, where the caller has it
 */
export async function lookForEscapes(
  host: Host,
  compartments: readonly Compartment[],
  all: readonly Compartment[] = compartments,
  table?: ProcessTable,
): Promise<Escapes> {
  const first = await lookBySlices(host, compartments, all, table);
  if (first.size === 0) return first;
  await delay(BETWEEN_LOOKS_MS);
  return inBoth(first, await lookBySlices(host, compartments, all));
}

/** Looks again and again: what two looks in a row have found. */
export class EscapeWatch {
  #before: Escapes = new Map();

  async look(host: Host, compartments: readonly Compartment[]): Promise<Escapes> {
    return this.take(await lookBySlices(host, compartments));
  }

  /** @param now what {@link findEscapes} has found */
  take(now: Escapes): Escapes {
    const both = inBoth(this.#before, now);
    this.#before = now;
    return both;
  }
}

function inBoth(before: Escapes, now: Escapes): Escapes {
  const both = new Map<string, Escape[]>();
  for (const [id, escapes] of now) {
    const known = new Set(before.get(id)?.map(formatIdentity));
    const left = escapes.filter((escape) => known.has(formatIdentity(escape)));
    if (left.length > 0) both.set(id, left);
  }
  return both;
}

const isSame = ({ stat }: ProcessEntry, { pid, startTime }: ProcessIdentity): boolean =>
  stat.pid === pid && stat.startTime === startTime;

/** Is nobody at work on where its processes are? */
function isSettled({ host, store, record }: Compartment): boolean {
  return !isBeingMade(host, record) && !isHeld(store.folder(record.name), 'changing', host.paths.proc);
}

function placesIn(
  compartment: Compartment,
  own: ReadonlyMap<string, string>,
  controllersOf: ControllersOf,
): Places {
  const { host, record } = compartment;
  const surplus = new Set(surplusOf(compartment, controllersOf));
  if (surplus.size === 0) return placesOf(host.layout, record.group, own);
  const dirs = Object.entries(record.group.dirs).filter(([, dir]) => !surplus.has(dir));
  return placesOf(host.layout, { ...record.group, dirs: Object.fromEntries(dirs) }, own);
}

function childrenIn(table: ProcessTable): Map<number, ProcessEntry[]> {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of table.values()) {
    const siblings = children.get(entry.stat.parent);
    if (siblings === undefined) children.set(entry.stat.parent, [entry]);
    else siblings.push(entry);
  }
  return children;
}

/** Its command, and under --strict whatever else its front or monitor is the parent of. */
function rootsOf(
  { record }: Compartment,
  table: ProcessTable,
  children: ReadonlyMap<number, ProcessEntry[]>,
): ProcessEntry[] {
  const { main, owner, front, spec, startedAt } = record;
  if (main === null) return [];
  const command = table.get(main.pid);
  const roots = command !== undefined && isSame(command, main) ? [command] : [];
  const adopter = front === undefined ? null : (front ?? owner);
  const parent = adopter === null ? undefined : table.get(adopter.pid);
  if (adopter === null || parent === undefined || !isSame(parent, adopter)) return roots;
  // What carries out --timeout is its monitor's child as well, and nothing else that is born so late stays for long.
  const late =
    startedAt === null || spec.timeoutMs === null ? Infinity : main.startTime + spec.timeoutMs * TICKS_PER_MS;
  const adopted = (children.get(adopter.pid) ?? []).filter(
    (entry) => !(owner !== null && isSame(entry, owner)) && entry.stat.startTime < late,
  );
  return [...roots, ...adopted];
}

/** These and all that descends from them, each once; this very process and what `passOver` names left out with theirs. */
function descend(
  roots: readonly ProcessEntry[],
  children: ReadonlyMap<number, ProcessEntry[]>,
  passOver: (entry: ProcessEntry) => boolean,
): ProcessEntry[] {
  const reached = new Map<number, ProcessEntry>();
  for (let queue = [...roots]; queue.length > 0;) {
    const fresh = queue.filter(
      (entry) => !reached.has(entry.stat.pid) && entry.stat.pid !== process.pid && !passOver(entry),
    );
    for (const entry of fresh) reached.set(entry.stat.pid, entry);
    queue = fresh.flatMap(({ stat }) => children.get(stat.pid) ?? []);
  }
  return [...reached.values()];
}

/** Null for a process that is where it should be, with all its threads. */
function escapeOf(host: Host, places: Places, { stat, groups }: ProcessEntry): Escape | null {
  const { proc } = host.paths;
  const left = new Set(placesLeft(places, groups));
  // On v2 threads cannot part (cgroup-v2.rst, "Threads").
  const legacy = new Map([...places].filter(([key]) => key !== ''));
  const mayPart = stat.threads > 1 && legacy.size > 0 && left.size < places.size;
  for (const thread of mayPart ? threadGroups(proc, stat.pid) : [])
    for (const key of placesLeft(legacy, thread)) left.add(key);
  if (left.size === 0 || isLauncher(host, stat.pid)) return null;
  const names = [...left].map((key) => (key === '' ? 'unified' : key));
  return { pid: stat.pid, startTime: stat.startTime, command: stat.command, left: names };
}

/** Is it on its way in? It does nothing else before it is there. */
function isLauncher({ paths }: Host, pid: number): boolean {
  try {
    const file = readlinkSync(`${paths.proc}/${pid}/exe`);
    return file === paths.native('launch') || file === paths.native('front');
  } catch {
    return false;
  }
}
