import { killCompartment, parseSignal } from '../../compartments/control.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json }) => {
  const signal = parseSignal(args.text('signal') ?? 'KILL');
  const name = args.words[0] ?? '';
  await killCompartment(host, name, signal);
  if (args.on('json')) json({ name, signal });
  return 0;
};
