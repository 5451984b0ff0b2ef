import { lstatSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { errnoOf } from '../shared/errors.js';
import { formatIdentity, isAlive, parseIdentity, type ProcessIdentity } from '../host/proc/identity.js';
import { stateError } from './json.js';

const NOBODY: ProcessIdentity = { pid: 0, startTime: 0 };

/** What the holder of a folder is at. */
export type Lock = 'removing' | 'changing' | 'folding';

/**
 * Takes a lock on the folder of a compartment. It is a symbolic link that names its holder: made in one step
 * with its content, also on a full disk, and nobody's once the holder is dead.
 * @param again may this process have it once more? Not where it changes several things at once, each in its own time
 * @returns false if another live process holds it, or the folder is gone
 */
export function tryLock(
  folder: string,
  lock: Lock,
  proc: string,
  self: ProcessIdentity,
  again = true,
): boolean {
  const path = `${folder}/${lock}`;
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      symlinkSync(formatIdentity(self), path);
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT') return false;
      if (errno !== 'EEXIST') throw stateError('lock', path, error);
      const holder = holderOf(path);
      if (holder === null) continue;
      if (isSame(holder, self)) return again;
      if (isAlive(proc, holder)) return false;
      breakLock(path, holder, proc, self);
    }
  }
  return false;
}

/** How long one holder may be at its work while another waits: twenty at once on one slow CPU have a twentieth of it each. */
const PATIENCE_MS = 30_000;
const MOST_PAUSE_MS = 100;

/**
 * The patience of one that waits for a lock. It wears out when the same process holds on to the lock, however many
 * come and go: a hundred that wait their turn need not be quick. What counts is what was waited of one's own will: where
 * the CPU is short, the holder has as little of it as whoever waits, and the clock would run against both.
 */
export class Patience {
  readonly #path: string;
  #holder: string | null = null;
  #waitedMs = 0;
  #waitedForHolderMs = 0;

  constructor(folder: string, lock: Lock) {
    this.#path = `${folder}/${lock}`;
  }

  /**
   * Milliseconds to wait and look again, a tenth of what was waited: looks are work, and where hundreds wait, the
   * holder waits for them. Null when worn out.
   */
  look(): number | null {
    const holder = holderOf(this.#path);
    const name = holder === null ? null : formatIdentity(holder);
    if (name !== this.#holder) {
      this.#holder = name;
      this.#waitedForHolderMs = 0;
    }
    if (this.#waitedForHolderMs > PATIENCE_MS) return null;
    const ms = Math.min(MOST_PAUSE_MS, 1 + this.#waitedMs / 10);
    this.#waitedMs += ms;
    this.#waitedForHolderMs += ms;
    return ms;
  }
}

/**
 * Takes a dead holder's lock away. One process at a time does that for one holder, marked by a link of its own, so that
 * nobody takes away what another has locked since the look at it.
 */
function breakLock(path: string, dead: ProcessIdentity, proc: string, self: ProcessIdentity): void {
  const mark = `${path}.${formatIdentity(dead)}`;
  try {
    symlinkSync(formatIdentity(self), mark);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return;
    if (errno !== 'EEXIST') throw stateError('lock', mark, error);
    const breaker = holderOf(mark);
    if (breaker !== null && !isAlive(proc, breaker)) remove(mark);
    return;
  }
  const holder = holderOf(path);
  if (holder !== null && isSame(holder, dead)) remove(path);
  remove(mark);
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw stateError('remove', path, error);
  }
}

const isSame = (one: ProcessIdentity, other: ProcessIdentity): boolean =>
  one.pid === other.pid && one.startTime === other.startTime;

/** Hands a lock that is held to another process, in one step. @throws ERR_COMPART_STATE */
export function passLock(folder: string, lock: Lock, to: ProcessIdentity): void {
  const path = `${folder}/${lock}`;
  const next = `${path}.${to.pid}`;
  remove(next);
  try {
    symlinkSync(formatIdentity(to), next);
    renameSync(next, path);
  } catch (error) {
    throw stateError('lock', path, error);
  }
}

/** @throws ERR_COMPART_STATE if it cannot be given back; it is nobody's once this process has ended */
export function unlock(folder: string, lock: Lock): void {
  remove(`${folder}/${lock}`);
}

/** Is somebody who is alive at this work? */
export function isHeld(folder: string, lock: Lock, proc: string): boolean {
  const holder = holderOf(`${folder}/${lock}`);
  return holder !== null && isAlive(proc, holder);
}

/** Did whoever holds the lock die over its work? */
export function isBroken(folder: string, lock: Lock, proc: string): boolean {
  const holder = holderOf(`${folder}/${lock}`);
  return holder !== null && !isAlive(proc, holder);
}

/**
 * Null if the lock was given back meanwhile; nobody for what is no lock.
 * @throws ERR_COMPART_STATE where that cannot be seen: a lock taken for a dead one's would be broken
 */
function holderOf(path: string): ProcessIdentity | null {
  try {
    // Most often there is none, and an error takes Node longer than the look.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
    return parseIdentity(readlinkSync(path)) ?? NOBODY;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return null;
    if (errno === 'EINVAL' || errno === 'ENOTDIR') return NOBODY;
    throw stateError('read', path, error);
  }
}
