import { openCompartment } from '../../compartments/compartment.js';
import { unloadSubsystem } from '../../compartments/unload.js';
import type { Handler } from '../verbs.js';
import { kindOf } from './load.js';

export const handler: Handler = async (args, { host, json }) => {
  const word = args.words[0] ?? '';
  const slash = word.indexOf('/');
  const name = slash < 0 ? word : word.slice(0, slash);
  const kind = slash < 0 ? null : kindOf('unload', word.slice(slash + 1));
  await unloadSubsystem(await openCompartment(host, name), kind);
  if (args.on('json')) json({ name, unloaded: kind ?? 'all' });
  return 0;
};
