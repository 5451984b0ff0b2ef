import { constants } from 'node:os';
import { errnoOf } from '../shared/errors.js';
import { killGroup, signalGroup } from '../host/cgroup/kill.js';
import { isAlive } from '../host/proc/identity.js';
import type { Compartment } from './compartment.js';

/**
 * Signals every process of a compartment; after KILL it is empty. The processes of a guest are its kernel's to signal:
 * all but KILL goes to its keeper, which hands it on (native/keeper.c); what they are on the host would end the kernel.
 * @throws ERR_COMPART_BUSY if something does not die
 */
export function signalCompartment({ host, record }: Compartment, signal: number): void {
  if (signal === constants.signals.SIGKILL) return killGroup(record.group);
  if (record.kind === 'compartment') return void signalGroup(record.group, signal);
  if (record.main === null || !isAlive(host.paths.proc, record.main)) return;
  try {
    process.kill(record.main.pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}
