import { usageError } from '../shared/errors.js';
import type { Limits } from '../compartments/limits.js';

/**
 * Tasks of the host that a guest has besides one for each of its own processes, at most: its keeper, the first process
 * of its sandbox, its kernel with its helpers, init inside, and one more for each program that is just being loaded
 * (docs/guests.md has the measurements).
 */
const OVERHEAD = 32;

/**
 * The host's own limit on the tasks of a guest that may have so many. It is the wall behind the guest's: a kernel that
 * has been given fewer tells its processes that there is no memory, and not that there are too many of them.
 */
export const hostTasks = (tasks: number): number => tasks + OVERHEAD;

/** Tasks of a guest: what its own kernel holds it to, and the limits of the host behind that. */
export interface GuestTasks {
  tasks: number | null;
  limits: Limits;
}

/** Splits `--pids`, which is the guest's number of tasks, from what the host enforces. Pure. */
export function guestTasks(limits: Limits): GuestTasks {
  const tasks = limits.pids?.limit ?? null;
  return tasks === null
    ? { tasks, limits }
    : { tasks, limits: { ...limits, pids: { limit: hostTasks(tasks) } } };
}

/** @throws ERR_COMPART_USAGE for what cannot be changed while the guest runs */
export function refuseTasks(limits: Limits): void {
  if (limits.pids === undefined) return;
  throw usageError(
    '--pids: the number of tasks of a guest that runs cannot be changed',
    'boot it anew with another',
  );
}
