import { setTimeout as delay } from 'node:timers/promises';
import { CompartError } from '../shared/errors.js';
import { takenBackFor } from '../shared/undo.js';
import { groupDirs, groupPids, removeDirs, removeGroup, type Group } from '../host/cgroup/group.js';
import { leaveDirs } from '../host/cgroup/join.js';
import type { Host } from '../host/host.js';
import { kernelErrno } from '../host/kernfs.js';
import { isAlive, selfIdentity } from '../host/proc/identity.js';
import { readPids } from '../host/proc/pids.js';
import { Patience, tryLock, unlock } from '../state/lock.js';
import type { CompartmentRecord } from '../state/record.js';
import type { Compartment } from './compartment.js';
import { groundOf, loadedKinds } from './readings.js';
import { SUBSYSTEM_KINDS, type SubsystemKind } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';

/** A process that forks faster than it is moved leaves a child behind; then once more. */
const ROUNDS = 1000;

/**
 * Changes a compartment alone: its record is read anew, and no other load, unload, set or attach works on it
 * meanwhile. What a crash left of an earlier change is taken back first.
 * @throws ERR_COMPART_NOT_FOUND if it was removed meanwhile, ERR_COMPART_BUSY if another change does not end
 */
export async function changeAlone<T>(
  { host, store, record: { name } }: Compartment,
  change: (compartment: Compartment) => T | Promise<T>,
): Promise<T> {
  const folder = store.folder(name);
  const self = selfIdentity(host.paths.proc);
  const patience = new Patience(folder, 'changing');
  while (isBeingMade(host, store.get(name)) || !tryLock(folder, 'changing', host.paths.proc, self, false)) {
    const ms = patience.look();
    if (ms === null) {
      throw new CompartError('ERR_COMPART_BUSY', `another command changes "${name}" and does not end`);
    }
    await delay(ms);
  }
  let changed: T;
  try {
    takeBack({ host, store, record: store.get(name) });
    changed = await change({ host, store, record: store.get(name) });
  } catch (error) {
    throw takenBackFor(error, 'its lock', () => unlock(folder, 'changing'));
  }
  giveBack(name, folder);
  return changed;
}

/** @throws ERR_COMPART_STATE, which says that the change was made */
function giveBack(name: string, folder: string): void {
  try {
    unlock(folder, 'changing');
  } catch (error) {
    if (!(error instanceof CompartError)) throw error;
    const hint = 'the lock is nobody’s once this process has ended';
    throw new CompartError(error.code, `"${name}" was changed as asked, and then: ${error.message}`, {
      cause: error.cause,
      hint,
    });
  }
}

/** Between its claim and its first process, or the end of its load, a record is its maker's to write. */
export function isBeingMade(host: Host, { owner, startedAt }: CompartmentRecord): boolean {
  return owner !== null && startedAt === null && isAlive(host.paths.proc, owner);
}

/** Takes back what a crash left of a change, unless one is under way. @returns false if nothing was left of it */
export function mend(compartment: Compartment): boolean {
  const { host, store, record } = compartment;
  const folder = store.folder(record.name);
  if (isBeingMade(host, record) || isWhole(compartment)) return true;
  if (!tryLock(folder, 'changing', host.paths.proc, selfIdentity(host.paths.proc), false)) return true;
  try {
    return takeBack({ host, store, record: store.get(record.name) });
  } finally {
    unlock(folder, 'changing');
  }
}

/**
 * Takes away what no loaded subsystem needs: its directories, whose processes go on in the caller's own groups, and where the
 * directory stays its limits: as on v2, and where those processes are not this user's to move out. A compartment with no
 * subsystem goes as a whole.
 * @returns whether the compartment is there still
 */
export function takeBack(compartment: Compartment): boolean {
  const { host, store, record } = compartment;
  if (isWhole(compartment)) return true;
  const stray = hasStrayStack(record);
  if (stray) SUBSYSTEMS.net.release?.(host, groundOf(compartment));
  const surplus = surplusOf(compartment);
  if (loadedKinds(compartment).length === 0) {
    empty(host, surplus, () => groupPids(record.group));
    removeGroup(record.group);
    store.drop(record.name);
    return false;
  }
  const stuck = vacate(host, surplus) ? [] : surplus;
  const gone = surplus.filter((dir) => !stuck.includes(dir));
  for (const kind of strayKinds(compartment, gone)) SUBSYSTEMS[kind].lift?.(host, groundOf(compartment));
  const kept = Object.entries(record.group.dirs).filter(([, dir]) => stuck.includes(dir));
  const dirs = { ...neededOf(compartment, controllersOn(host)), ...Object.fromEntries(kept) };
  store.save({ ...record, stack: record.stack && !stray, group: { ...record.group, dirs } });
  return true;
}

/** Empties directories and removes them. @returns false if their processes may not leave: without root, some may not */
function vacate(host: Host, dirs: readonly string[]): boolean {
  try {
    empty(host, dirs, () => dirs.flatMap((dir) => readPids(`${dir}/cgroup.procs`)));
  } catch (error) {
    if (kernelErrno(error) !== 'EACCES') throw error;
    return false;
  }
  removeDirs(dirs);
  return true;
}

/** Is there nothing but what a loaded subsystem needs? */
const isWhole = (compartment: Compartment): boolean =>
  loadedKinds(compartment).length > 0 &&
  surplusOf(compartment).length === 0 &&
  strayKinds(compartment, []).length === 0 &&
  !hasStrayStack(compartment.record);

/**
 * Kinds that are not loaded, half-made or left over, whose limits are in a directory that stays.
 * @param gone directories that do not
 */
function strayKinds(compartment: Compartment, gone: readonly string[]): SubsystemKind[] {
  const { host, record } = compartment;
  const stays = (controller: string): boolean => {
    const dir = record.group.dirs[controller];
    return dir !== undefined && !gone.includes(dir);
  };
  return SUBSYSTEM_KINDS.filter(
    (kind) => !(kind in record.subsystems) && controllersOn(host)(kind).some(stays),
  );
}

/** Is there a network stack that is not loaded: half-made, or left over? */
const hasStrayStack = ({ stack, subsystems }: CompartmentRecord): boolean => stack && !('net' in subsystems);

/** The controllers that a subsystem wants on this host. */
export type ControllersOf = (kind: SubsystemKind) => readonly string[];

const controllersOn =
  (host: Host): ControllersOf =>
  (kind) =>
    SUBSYSTEMS[kind].controllers(host);

/** The same for many compartments: the host is asked once for each subsystem. */
export const controllersOfAll = (host: Host): ControllersOf => {
  const known = new Map(SUBSYSTEM_KINDS.map((kind) => [kind, SUBSYSTEMS[kind].controllers(host)]));
  return (kind) => known.get(kind) ?? [];
};

/** The directories, by controller, that the loaded subsystems need. */
function neededOf(compartment: Compartment, controllersOf: ControllersOf): Group['dirs'] {
  const { record } = compartment;
  const kept = new Set(loadedKinds(compartment).flatMap(controllersOf));
  const entries = Object.entries(record.group.dirs);
  return Object.fromEntries(entries.filter(([name]) => kept.has(name) || name === 'freezer'));
}

/** Directories that no loaded subsystem needs; all of them where none is loaded. */
export function surplusOf(
  compartment: Compartment,
  controllersOf: ControllersOf = controllersOn(compartment.host),
): string[] {
  const { group } = compartment.record;
  if (loadedKinds(compartment).length === 0) return groupDirs(group);
  const needed = new Set([group.identity, ...Object.values(neededOf(compartment, controllersOf))]);
  return groupDirs(group).filter((dir) => !needed.has(dir));
}

function empty({ layout }: Host, dirs: readonly string[], pidsLeft: () => number[]): void {
  for (let round = 0; round < ROUNDS; round += 1) {
    const pids = pidsLeft();
    if (pids.length === 0) return;
    for (const pid of pids) leaveDirs(layout, dirs, pid);
  }
  throw new CompartError('ERR_COMPART_BUSY', 'its processes fork faster than they can be moved', {
    hint: 'compart freeze it first',
  });
}
