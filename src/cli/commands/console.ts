import { openCompartment } from '../../compartments/compartment.js';
import { exitOf, launchIn } from '../../compartments/launch.js';
import { statusNumber } from '../../host/launched.js';
import { consoleOfGuest } from '../../kernel/agent/exec.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host }) => {
  const compartment = await openCompartment(host, args.words[0] ?? '');
  return statusNumber(await exitOf(await launchIn(compartment, consoleOfGuest(compartment))));
};
