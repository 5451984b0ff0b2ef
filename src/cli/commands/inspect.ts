import { openCompartment } from '../../compartments/compartment.js';
import { inspectCompartment } from '../../compartments/inspect.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json }) => {
  json(inspectCompartment(await openCompartment(host, args.words[0] ?? '')));
  return 0;
};
