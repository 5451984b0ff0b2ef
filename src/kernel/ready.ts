import { setTimeout as delay } from 'node:timers/promises';
import { CompartError } from '../shared/errors.js';
import { formatDuration } from '../shared/units/duration.js';
import { openCompartment } from '../compartments/compartment.js';
import { exitOf, launchIn, type CommandRequest } from '../compartments/launch.js';
import { isPopulated } from '../compartments/sweep.js';
import type { Host } from '../host/host.js';
import { commandInGuest } from './agent/exec.js';

const BETWEEN_MS = 200;

/**
 * Runs a command inside a compartment or a guest, again and again, until it ends with 0.
 * @throws ERR_COMPART_BUSY when the time is up, or the compartment has ended; ERR_COMPART_NOT_FOUND if it is gone
 */
export async function untilReady(
  host: Host,
  name: string,
  argv: readonly string[],
  ms: number,
): Promise<void> {
  const command: CommandRequest = {
    argv,
    env: {},
    workdir: null,
    user: null,
    stdio: ['ignore', 'ignore', 'ignore'],
  };
  const notReady = (why: string): CompartError =>
    new CompartError('ERR_COMPART_BUSY', `"${name}" is not ready: ${why}`, {
      hint: `compart logs ${name} says what it does; ready-timeout gives it longer`,
    });
  for (const started = Date.now(); ; await delay(BETWEEN_MS)) {
    const compartment = await openCompartment(host, name);
    if (compartment.record.main !== null && !isPopulated(compartment.record)) throw notReady('it has ended');
    const inside = compartment.record.kind === 'guest' ? commandInGuest(compartment, command) : command;
    const { exitCode } = await exitOf(await launchIn(compartment, inside));
    if (exitCode === 0) return;
    if (Date.now() - started > ms)
      throw notReady(`"${argv.join(' ')}" did not end with 0 within ${formatDuration(ms)}`);
  }
}
