import { inspectCompartment } from '../../compartments/inspect.js';
import { setLimits } from '../../kernel/set.js';
import { limitTexts } from '../request.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json }) => {
  const changed = await setLimits(host, args.words[0] ?? '', limitTexts(args));
  if (args.on('json')) json(inspectCompartment(changed));
  return 0;
};
