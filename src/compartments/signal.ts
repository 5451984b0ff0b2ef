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
export function signalCompartment(compartment: Compartment, signal: number): void {
  const { group, kind, main } = compartment.record;
  if (signal === constants.signals.SIGKILL) return killGroup(group);
  if (kind === 'guest') return signalMain(compartment, signal);
  // A command that was started this moment may still be on its way into its groups.
  const reached = signalGroup(group, signal);
  if (main !== null && !reached.includes(main.pid)) signalMain(compartment, signal);
}

function signalMain({ host, record: { main } }: Compartment, signal: number): void {
  if (main === null || !isAlive(host.paths.proc, main)) return;
  try {
    process.kill(main.pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}
