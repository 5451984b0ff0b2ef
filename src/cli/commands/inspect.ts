import { openCompartment } from '../../compartments/compartment.js';
import { allOf, lookForEscapes } from '../../compartments/escape.js';
import { inspectCompartment } from '../../compartments/inspect.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json }) => {
  const compartment = await openCompartment(host, args.words[0] ?? '');
  const escapes = await lookForEscapes(host, [compartment], allOf(host, compartment.store));
  json(inspectCompartment(compartment, escapes.get(compartment.record.id)));
  return 0;
};
