import { removeAny } from '../../kernel/remove.js';
import { inTurns } from '../../shared/turns.js';
import type { Handler } from '../verbs.js';

/** Each waits for whoever is in charge of it, a guest for as long as it takes to power off. */
const AT_ONCE = 16;

/** Every name is tried; of the errors, that of the name which was given first is reported after the last. */
export const handler: Handler = async (args, { host, json }) => {
  const words = [...new Set(args.words)];
  const errors = new Map<string, unknown>();
  const remove = async (name: string): Promise<void> => {
    try {
      await removeAny(host, name, args.on('force'));
    } catch (error) {
      errors.set(name, error);
    }
  };
  await inTurns(
    words.map((name) => () => remove(name)),
    AT_ONCE,
  );
  const failed = words.find((name) => errors.has(name));
  if (failed !== undefined) throw errors.get(failed);
  if (args.on('json')) json({ removed: words });
  return 0;
};
