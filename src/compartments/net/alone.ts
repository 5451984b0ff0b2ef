import { CompartError, errnoOf } from '../../shared/errors.js';
import type { Host } from '../../host/host.js';
import type { Router } from '../../host/network/router.js';
import { pause } from '../../host/pause.js';
import { selfIdentity } from '../../host/proc/identity.js';
import { makePrivateDir } from '../../state/json.js';
import { Patience, tryLock, unlock } from '../../state/lock.js';
import { changeLater, LOCK } from './later.js';

/** Ends what is done alone in the background, see {@link changeLater}. */
export type Pass = (router: Router, lines: readonly string[], paths: readonly string[]) => boolean;

export const busy = (folder: string): CompartError =>
  new CompartError('ERR_COMPART_BUSY', `another command holds ${folder} and does not end`);

/** Waits its turn and works alone: what is changed in a network's folder, all its stacks share. @throws ERR_COMPART_BUSY */
export function alone<T>(host: Host, folder: string, work: (pass: Pass) => T): T {
  const { proc } = host.paths;
  const self = selfIdentity(proc);
  const patience = new Patience(folder, LOCK);
  while (!isMade(folder) || !tryLock(folder, LOCK, proc, self)) {
    const ms = patience.look();
    if (ms === null) throw busy(folder);
    pause(ms);
  }
  const held = { here: true };
  try {
    return work((...what) => {
      held.here = !changeLater(host, folder, ...what);
      return !held.here;
    });
  } finally {
    if (held.here) unlock(folder, LOCK);
  }
}

/** Makes the folder; false where whoever left last took one above it away meanwhile. */
function isMade(folder: string): boolean {
  try {
    makePrivateDir(folder);
    return true;
  } catch (error) {
    if (error instanceof CompartError && errnoOf(error.cause) === 'ENOENT') return false;
    throw error;
  }
}
