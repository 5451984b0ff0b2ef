import type { Compartment } from '../../compartments/compartment.js';
import type { CommandRequest } from '../../compartments/launch.js';
import { requireRunning } from './running.js';
import { execWords } from './words.js';

/**
 * The client that has a command run in a guest: its own descriptors are the command's, and so is its status.
 * @throws ERR_COMPART_NOT_FOUND for a guest that does not run
 */
export function commandInGuest(compartment: Compartment, command: CommandRequest): CommandRequest {
  const { host, store, record } = compartment;
  requireRunning(compartment);
  const folder = store.folder(record.name);
  return {
    ...command,
    argv: execWords(host, { ...command, folder, ownRoot: record.guest?.root !== 'host' }),
    env: {},
    workdir: null,
    user: null,
    charged: true,
  };
}

/** The client that is the console of a guest. @throws as {@link commandInGuest} */
export function consoleOfGuest(compartment: Compartment): CommandRequest {
  const { host, store, record } = compartment;
  requireRunning(compartment);
  return {
    argv: [host.paths.native('guest'), 'console', store.folder(record.name)],
    env: {},
    workdir: null,
    user: null,
    stdio: ['inherit', 'inherit', 'inherit'],
    charged: true,
  };
}
