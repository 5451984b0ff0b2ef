import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { errnoOf } from '../shared/errors.js';
import { isAlive, type ProcessIdentity } from '../host/proc/identity.js';
import { stateError } from './json.js';

/**
 * Who holds the folder of a compartment for taking it away. The holder is named in the file, so that a lock
 * whose holder died is nobody's.
 * @returns false if another live process holds it, or the folder is gone
 */
export function tryLock(folder: string, proc: string, self: ProcessIdentity): boolean {
  const path = `${folder}/removing`;
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      writeFileSync(path, `${self.pid}_${self.startTime}`, { flag: 'wx', mode: 0o600 });
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

export function unlock(folder: string): void {
  rmSync(`${folder}/removing`, { force: true });
}

function holderOf(path: string): ProcessIdentity | null {
  try {
    const match = /^(\d+)_(\d+)$/.exec(readFileSync(path, 'utf8'));
    return match ? { pid: Number(match[1]), startTime: Number(match[2]) } : { pid: 0, startTime: 0 };
  } catch {
    return null;
  }
}
