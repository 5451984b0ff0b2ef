import { openCompartment } from '../../compartments/compartment.js';
import { lookForEscapes } from '../../compartments/escape.js';
import { inspectCompartment, listCompartments } from '../../compartments/inspect.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json }) => {
  const compartment = await openCompartment(host, args.words[0] ?? '');
  const { compartments } = await listCompartments(host);
  const escapes = await lookForEscapes(host, compartments);
  json(inspectCompartment(compartment, escapes.get(compartment.record.id)));
  return 0;
};
