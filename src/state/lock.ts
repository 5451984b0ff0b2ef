import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { errnoOf } from '../shared/errors.js';
import { formatIdentity, isAlive, parseIdentity, type ProcessIdentity } from '../host/proc/identity.js';
import { stateError } from './json.js';

const NOBODY: ProcessIdentity = { pid: 0, startTime: 0 };

/** What the holder of a compartment's folder is at. */
export type Lock = 'removing' | 'changing';

/**
 * Takes a lock on the folder of a compartment. It is a symbolic link that names its holder: made in one step
 * with its content, also on a full disk, and nobody's once the holder is dead.
 * @returns false if another live process holds it, or the folder is gone
 */
export function tryLock(folder: string, lock: Lock, proc: string, self: ProcessIdentity): boolean {
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
      if (holder.pid === self.pid && holder.startTime === self.startTime) return true;
      if (isAlive(proc, holder)) return false;
      rmSync(path, { force: true });
    }
  }
  return false;
}

/** Hands a lock that is held to another process, in one step. */
export function passLock(folder: string, lock: Lock, to: ProcessIdentity): void {
  const path = `${folder}/${lock}`;
  const next = `${path}.${to.pid}`;
  rmSync(next, { force: true });
  symlinkSync(formatIdentity(to), next);
  renameSync(next, path);
}

export function unlock(folder: string, lock: Lock): void {
  rmSync(`${folder}/${lock}`, { force: true });
}

/** Null if the lock was given back meanwhile; nobody for what is no lock. */
function holderOf(path: string): ProcessIdentity | null {
  try {
    return parseIdentity(readlinkSync(path)) ?? NOBODY;
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? null : NOBODY;
  }
}
