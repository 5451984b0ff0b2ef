import { freezeCompartment } from '../../compartments/control.js';
import type { Terminal } from '../terminal.js';
import type { Args } from '../parse.js';
import type { Handler } from '../verbs.js';

/** `freeze` and `thaw`. */
export async function freezeOrThaw(args: Args, { host, json }: Terminal, frozen: boolean): Promise<number> {
  const { record } = await freezeCompartment(host, args.words[0] ?? '', frozen);
  if (args.on('json')) json({ name: record.name, frozen });
  return 0;
}

export const handler: Handler = (args, terminal) => freezeOrThaw(args, terminal, true);
