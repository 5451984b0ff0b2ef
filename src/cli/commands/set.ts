import { openCompartment } from '../../compartments/compartment.js';
import { inspectCompartment } from '../../compartments/inspect.js';
import { parseLimits } from '../../compartments/limits.js';
import { updateLimits } from '../../compartments/update.js';
import { limitTexts } from '../request.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json }) => {
  const compartment = await openCompartment(host, args.words[0] ?? '');
  const workdir = compartment.record.spec.workdir ?? '.';
  const changed = await updateLimits(compartment, parseLimits(limitTexts(args), { host, workdir }));
  if (args.on('json')) json(inspectCompartment(changed));
  return 0;
};
