import { openCompartment } from '../../compartments/compartment.js';
import { expire } from '../../compartments/timeout.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host }) => {
  const [name = '', id = ''] = args.words;
  const compartment = await openCompartment(host, name);
  if (compartment.record.id === id) expire(compartment);
  return 0;
};
