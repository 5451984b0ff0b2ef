import { removeAny } from '../../kernel/remove.js';
import type { Handler } from '../verbs.js';

/** Every name is tried; the first error is reported after the last. */
export const handler: Handler = async (args, { host, json }) => {
  const removed: string[] = [];
  const errors: unknown[] = [];
  for (const name of args.words) {
    try {
      await removeAny(host, name, args.on('force'));
      removed.push(name);
    } catch (error) {
      errors.push(error);
    }
  }
  if (args.on('json') && errors.length === 0) json({ removed });
  if (errors.length > 0) throw errors[0];
  return 0;
};
