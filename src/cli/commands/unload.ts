import { openCompartment } from '../../compartments/compartment.js';
import { unloadSubsystem } from '../../compartments/unload.js';
import type { Handler } from '../verbs.js';
import { kindOf } from './load.js';

export const handler: Handler = async (args, { host, json }) => {
  const [name = '', word] = (args.words[0] ?? '').split('/', 2);
  const kind = word === undefined ? null : kindOf('unload', word);
  unloadSubsystem(await openCompartment(host, name), kind);
  if (args.on('json')) json({ name, unloaded: kind ?? 'all' });
  return 0;
};
