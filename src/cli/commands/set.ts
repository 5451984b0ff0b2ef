import { usageError } from '../../shared/errors.js';
import { openCompartment } from '../../compartments/compartment.js';
import { inspectCompartment } from '../../compartments/inspect.js';
import { parseLimits } from '../../compartments/limits.js';
import { updateLimits } from '../../compartments/update.js';
import { limitTexts } from '../request.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json }) => {
  const texts = limitTexts(args);
  if (texts['net'] === 'host') {
    throw usageError(
      "--net: host: a stack of its own cannot be exchanged for the host's while something runs in it",
      '--net max lifts its limits',
    );
  }
  const compartment = await openCompartment(host, args.words[0] ?? '');
  const workdir = compartment.record.spec.workdir ?? '.';
  const changed = await updateLimits(compartment, parseLimits(texts, { host, workdir }));
  if (args.on('json')) json(inspectCompartment(changed));
  return 0;
};
