import { isFrozen } from '../../host/cgroup/freeze.js';
import { CompartError } from '../../shared/errors.js';
import { openCompartment, type Compartment } from '../../compartments/compartment.js';
import { requireIntact } from '../../compartments/intact.js';
import { exitOf, launchIn, type CommandRequest } from '../../compartments/launch.js';
import { statusNumber } from '../../host/launched.js';
import { pairs, workdirOf } from '../request.js';
import { relaySignals } from '../signals.js';
import type { Handler } from '../verbs.js';

/** What is started on the host: the command itself, or for a guest the client that has it started there. */
async function commandIn(compartment: Compartment, command: CommandRequest): Promise<CommandRequest> {
  if (compartment.record.kind === 'compartment') {
    requireIntact(compartment);
    return command;
  }
  const { commandInGuest } = await import('../../kernel/agent/exec.js');
  return commandInGuest(compartment, command);
}

export const handler: Handler = async (args, { host }) => {
  const [name = '', ...argv] = args.words;
  const compartment = await openCompartment(host, name);
  if (isFrozen(compartment.record.group)) {
    throw new CompartError('ERR_COMPART_BUSY', `"${name}" is frozen: a command in it would not run`, {
      hint: `compart thaw ${name}`,
    });
  }
  const command = await commandIn(compartment, {
    argv,
    env: pairs(args, 'env'),
    workdir: workdirOf(args),
    user: args.text('user'),
    stdio: ['inherit', 'inherit', 'inherit'],
  });
  const relay = relaySignals(host);
  const launched = await launchIn(compartment, command);
  relay.deliver(launched.pid, launched.signal);
  try {
    return statusNumber(await exitOf(launched));
  } finally {
    relay.stop();
  }
};
