import { CompartError, errnoOf } from '../../shared/errors.js';
import type { Host } from '../../host/host.js';
import type { Router } from '../../host/network/router.js';
import { pause } from '../../host/pause.js';
import { selfIdentity } from '../../host/proc/identity.js';
import { makePrivateDir } from '../../state/json.js';
import { Patience, tryLock, unlock } from '../../state/lock.js';
import { changeLater, LOCK, type Parting } from './later.js';

/** Ends what is done alone in the background, see {@link changeLater}. */
export type Pass = (router: Router, parting: Parting) => boolean;

export const busy = (folder: string): CompartError =>
  new CompartError('ERR_COMPART_BUSY', `another command holds ${folder} and does not end`);

/** What was come to alone, null where somebody else holds the folder. */
function tryAlone<T>(host: Host, folder: string, work: (pass: Pass) => T): { value: T } | null {
  const { proc } = host.paths;
  if (!isMade(folder) || !tryLock(folder, LOCK, proc, selfIdentity(proc))) return null;
  const held = { here: true };
  try {
    const value = work((...what) => {
      held.here = !changeLater(host, folder, ...what);
      return !held.here;
    });
    return { value };
  } finally {
    if (held.here) unlock(folder, LOCK);
  }
}

/** Milliseconds to wait for one's turn. @throws ERR_COMPART_BUSY */
function nextLook(patience: Patience, folder: string): number {
  const ms = patience.look();
  if (ms === null) throw busy(folder);
  return ms;
}

/** Waits its turn and works alone: what is changed in a network's folder, all its stacks share. @throws ERR_COMPART_BUSY */
export function alone<T>(host: Host, folder: string, work: (pass: Pass) => T): T {
  const patience = new Patience(folder, LOCK);
  for (;;) {
    const done = tryAlone(host, folder, work);
    if (done !== null) return done.value;
    pause(nextLook(patience, folder));
  }
}

/** Works alone until it is done, by whomever. @param work says whether it is @throws ERR_COMPART_BUSY */
export function aloneUnless(
  host: Host,
  folder: string,
  isDone: () => boolean,
  work: (pass: Pass) => boolean,
): void {
  const patience = new Patience(folder, LOCK);
  while (!isDone()) {
    const done = tryAlone(host, folder, work);
    if (done?.value === true) return;
    if (done === null) pause(nextLook(patience, folder));
  }
}

/** The same while the event loop goes on. */
export async function soonAlone(
  host: Host,
  folder: string,
  isDone: () => boolean,
  work: () => void,
): Promise<void> {
  const patience = new Patience(folder, LOCK);
  while (!isDone()) {
    if (tryAlone(host, folder, work) !== null) continue;
    const ms = nextLook(patience, folder);
    await new Promise((resolve) => setTimeout(resolve, ms));
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
