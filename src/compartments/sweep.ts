import { existsSync, rmSync } from 'node:fs';
import { takenBackFor } from '../shared/undo.js';
import { isEmpty, removeGroup } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import { aliveAt, selfIdentity, type Alive } from '../host/proc/identity.js';
import { forget, runsUnder } from './damaged.js';
import { isBroken, isHeld, tryLock, unlock } from '../state/lock.js';
import { groundOf } from './readings.js';
import { killAll } from './strict.js';
import { SUBSYSTEMS } from './subsystems.js';
import { keepUsage } from './usage.js';
import type { CompartmentRecord } from '../state/record.js';
import type { Store } from '../state/store.js';

/** Is nobody left who would take this compartment away, though somebody was to, or had begun to? */
export function isAbandoned(
  host: Host,
  store: Store,
  record: CompartmentRecord,
  alive: Alive = aliveAt(host.paths.proc),
): boolean {
  const { proc } = host.paths;
  if (record.owner !== null && !alive(record.owner)) return true;
  return isBroken(store.folder(record.name), 'removing', proc) || hasLostGroup(host, store, record);
}

/**
 * Did somebody take the group away of a compartment that nobody is in charge of, as the end of a unit of systemd does with all
 * that stands in it? An unload under way has no group left either, a moment before it has no record.
 */
export function hasLostGroup(host: Host, store: Store, { name, owner, group }: CompartmentRecord): boolean {
  if (owner !== null || existsSync(group.identity) || !isEmpty(group)) return false;
  return !isHeld(store.folder(name), 'changing', host.paths.proc);
}

/**
 * Takes a compartment away, whoever asks first: its processes are killed, its groups removed, its state
 * forgotten. Works from the record alone and may be repeated.
 * @param onEmpty called when no process is left and the counters can still be read, to keep them; without it, the
 * totals of the host do
 * @returns false if another process is doing it, or it is not the one that was meant any more
 */
export function takeAway(host: Host, store: Store, record: CompartmentRecord, onEmpty?: () => void): boolean {
  const self = selfIdentity(host.paths.proc);
  const folder = store.folder(record.name);
  if (!tryLock(folder, 'removing', host.paths.proc, self)) return false;
  const now = store.read(record.name);
  if (now?.id !== record.id) {
    unlock(folder, 'removing');
    // Its groups were gone before its record: whoever was at it died between the two.
    if (now === null) store.drop(record.name);
    return now === null;
  }
  try {
    killAll({ host, store, record: now });
    if (onEmpty === undefined) keepUsage({ host, store, record: now });
    else onEmpty();
    if (now.stack) SUBSYSTEMS.net.release?.(host, groundOf({ store, record: now }));
    removeGroup(record.group);
    for (const file of now.guest?.files ?? []) rmSync(file, { force: true });
    store.drop(record.name);
  } catch (error) {
    throw takenBackFor(error, 'its lock', () => unlock(folder, 'removing'));
  }
  return true;
}

/**
 * Sweeps one name if a crash left it behind.
 * @returns whether the name is free now
 * @throws ERR_COMPART_STATE if its record is damaged and processes run in its groups, or another version of
 * compart wrote it: to remove it is the user's choice
 */
export function sweepName(host: Host, store: Store, name: string): boolean {
  const condition = store.condition(name);
  if (condition === 'whole') return sweepRecord(host, store, name);
  if (condition === 'other-version' || runsUnder(host, name)) throw store.damage(name);
  forget(host, store, name);
  return true;
}

function sweepRecord(host: Host, store: Store, name: string): boolean {
  const record = store.read(name);
  if (record === null) return false;
  return isAbandoned(host, store, record) && takeAway(host, store, record);
}

/** Is any process left in the groups of this record? */
export function isPopulated({ group }: Pick<CompartmentRecord, 'group'>): boolean {
  return !isEmpty(group);
}
