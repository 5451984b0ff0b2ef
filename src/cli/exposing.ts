import { usageError } from '../shared/errors.js';
import type { ExpositionOptions } from '../metrics/exposition.js';
import type { Level } from '../metrics/family.js';
import type { Args } from './parse.js';

/** The text of a flag that takes one of a few words, null where it was not given. @throws ERR_COMPART_USAGE */
export function oneOf<T extends string>(args: Args, flag: string, words: readonly T[]): T | null {
  const text = args.text(flag);
  if (text === null) return null;
  const word = words.find((each) => each === text);
  if (word === undefined) throw usageError(`--${flag}: "${text}" is none`, `accepted: ${words.join(', ')}`);
  return word;
}

/** The words of a list with commas. */
const listOf = (text: string | null): string[] =>
  text === null ? [] : text.split(',').map((word) => word.trim());

/** What `--level` and `--labels` ask of an exposition. @throws ERR_COMPART_USAGE */
export function exposedBy(args: Args): ExpositionOptions {
  return { level: oneOf<Level>(args, 'level', ['core', 'full']), labels: listOf(args.text('labels')) };
}
