import { CompartError } from '../../shared/errors.js';
import { readCompartFile } from '../../compartments/file.js';
import { removeAny } from '../../kernel/remove.js';
import type { Handler } from '../verbs.js';
import { DEFAULT_FILE } from './up.js';

/** Ends what is there; a compartment of the file that is gone already is no error. */
export const handler: Handler = async (args, { host, out, json }) => {
  const entries = await readCompartFile(args.text('file') ?? DEFAULT_FILE);
  const removed: string[] = [];
  for (const { name } of entries.reverse()) {
    try {
      await removeAny(host, name, true);
      removed.push(name);
    } catch (error) {
      if (!(error instanceof CompartError) || error.code !== 'ERR_COMPART_NOT_FOUND') throw error;
    }
  }
  if (args.on('json')) json({ removed });
  else for (const name of removed) out(`${name}\n`);
  return 0;
};
