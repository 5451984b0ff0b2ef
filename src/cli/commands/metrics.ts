import { usageError } from '../../shared/errors.js';
import { replaceFile } from '../../state/json.js';
import type { Format } from '../../metrics/accept.js';
import { Exposition } from '../../metrics/exposition.js';
import type { Level } from '../../metrics/family.js';
import type { Args } from '../parse.js';
import type { Handler } from '../verbs.js';

function oneOf<T extends string>(args: Args, flag: string, words: readonly T[]): T | null {
  const text = args.text(flag);
  if (text === null) return null;
  const word = words.find((each) => each === text);
  if (word === undefined) throw usageError(`--${flag}: "${text}" is none`, `accepted: ${words.join(', ')}`);
  return word;
}

/** The words of a list with commas. */
const listOf = (text: string | null): string[] =>
  text === null ? [] : text.split(',').map((word) => word.trim());

export const handler: Handler = async (args, { host, out }) => {
  const level = oneOf<Level>(args, 'level', ['core', 'full']);
  const format = oneOf<Format>(args, 'format', ['text', 'openmetrics']) ?? 'text';
  const file = args.text('out');
  // Of a process that is gone when this is read, nobody wants to know.
  const exposition = new Exposition(host, { level, labels: listOf(args.text('labels')), ownProcess: false });
  const text = await exposition.text(format);
  if (file === null) out(text);
  // For everybody: the collector that reads it is another user's.
  else replaceFile(file, text, 0o644);
  return 0;
};
