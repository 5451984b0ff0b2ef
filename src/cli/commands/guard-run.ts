import { openCompartment } from '../../compartments/compartment.js';
import { guard } from '../../compartments/strict.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host }) => {
  const [name = '', id = ''] = args.words;
  const compartment = await openCompartment(host, name);
  if (compartment.record.id === id) await guard(compartment);
  return 0;
};
