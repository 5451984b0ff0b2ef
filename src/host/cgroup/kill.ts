import { existsSync } from 'node:fs';
import { CompartError } from '../../shared/errors.js';
import { writeKernelFile } from '../kernfs.js';
import { pause } from '../pause.js';
import { isFrozen, setFrozen } from './freeze.js';
import { groupPids, isEmpty, seemsEmpty, type Group } from './group.js';

const PATIENCE_MS = 10_000;
/** Each look reads a file or two of every hierarchy. */
const LOOK_AT_MOST_MS = 16;

/** Sends a signal to each process; those that are gone meanwhile do not matter. */
export function signalPids(pids: readonly number[], signal: NodeJS.Signals | number): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // ESRCH: gone between the read and the signal.
    }
  }
}

function signalAll(group: Group, signal: NodeJS.Signals | number): number[] {
  const pids = groupPids(group);
  signalPids(pids, signal);
  return pids;
}

/**
 * Sends `signal` to every process; none escapes by forking, as the group stands still meanwhile where it can
 * be frozen.
 * @returns the processes signalled
 */
export function signalGroup(group: Group, signal: NodeJS.Signals | number): number[] {
  const wasFrozen = isFrozen(group);
  const stopped = !wasFrozen && setFrozen(group, true);
  try {
    return signalAll(group, signal);
  } finally {
    // The v1 freezer holds killed tasks as well; what somebody else froze stays frozen for any other signal.
    if (stopped || (wasFrozen && signal === 'SIGKILL')) setFrozen(group, false);
  }
}

/**
 * Kills every process of the group and waits until it is empty. cgroup.kill does it in one write where
 * there is a v2 group (Linux 5.14); else the freezer holds them still; else it repeats until none is left.
 * @throws ERR_COMPART_BUSY if something is left after 10 s (a task in uninterruptible sleep)
 */
export function killGroup(group: Group): void {
  for (const started = Date.now(); !isEmpty(group); pause(1)) killOnce(group, started);
}

/**
 * The same while the event loop goes on, as what is killed takes its time where it has much to give back; {@link killGroup}
 * is still to come.
 */
export async function killGroupSoon(group: Group): Promise<void> {
  const started = Date.now();
  for (let ms = 1; !seemsEmpty(group); ms = Math.min(2 * ms, LOOK_AT_MOST_MS)) {
    killOnce(group, started);
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}

function killOnce(group: Group, started: number): void {
  const kill = `${group.identity}/cgroup.kill`;
  const atOnce = group.identityVersion === 2 && existsSync(kill);
  if (atOnce) writeKernelFile(kill, '1');
  // A process that is in a v1 group and not in the twin needs its own signal.
  if (atOnce) signalAll(group, 'SIGKILL');
  else signalGroup(group, 'SIGKILL');
  if (Date.now() - started <= PATIENCE_MS) return;
  const pids = groupPids(group).join(', ');
  throw new CompartError('ERR_COMPART_BUSY', `processes ${pids} in ${group.identity} do not die`, {
    hint: 'they wait in the kernel for a device; try again when it answers',
  });
}
