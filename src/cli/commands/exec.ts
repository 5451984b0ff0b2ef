import { isFrozen } from '../../host/cgroup/freeze.js';
import { CompartError } from '../../shared/errors.js';
import { openCompartment } from '../../compartments/compartment.js';
import { requireIntact } from '../../compartments/intact.js';
import { exitOf, launchIn } from '../../compartments/launch.js';
import { statusNumber } from '../../host/launched.js';
import { pairs, workdirOf } from '../request.js';
import { relaySignals } from '../signals.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host }) => {
  const [name = '', ...argv] = args.words;
  const compartment = await openCompartment(host, name);
  if (isFrozen(compartment.record.group)) {
    throw new CompartError('ERR_COMPART_BUSY', `"${name}" is frozen: a command in it would not run`, {
      hint: `compart thaw ${name}`,
    });
  }
  requireIntact(compartment);
  const relay = relaySignals(host);
  const launched = await launchIn(compartment, {
    argv,
    env: pairs(args, 'env'),
    workdir: workdirOf(args),
    user: args.text('user'),
    stdio: ['inherit', 'inherit', 'inherit'],
  });
  relay.deliver(launched.pid, launched.signal);
  try {
    return statusNumber(await exitOf(launched));
  } finally {
    relay.stop();
  }
};
