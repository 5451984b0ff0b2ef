import parser from 'yargs-parser';
import { usageError } from '../shared/errors.js';
import { OPTIONS } from './options.js';
import type { Verb } from './verbs.js';

/** The words of one verb, checked against its flags. */
export interface Args {
  verb: string;
  /** Text of a flag that was given; the last one counts. */
  text(flag: string): string | null;
  /** All texts of a repeatable flag. */
  texts(flag: string): string[];
  on(flag: string): boolean;
  /** Words that are no flags. */
  words: string[];
}

/** The words after the verb, read by the parser that yargs itself uses, as it is without yargs five times faster. */
export function parseArgs(name: string, verb: Verb, argv: readonly string[]): Args {
  const flags = [...verb.flags, 'help'];
  const valued = flags.filter((flag) => OPTIONS[flag]?.metavar !== undefined);
  const values = readFlags(flags, valued, verb, argv);
  const texts = (flag: string): string[] => [values[flag] ?? []].flat().map(String);
  const words = (values['_'] as string[] | undefined)?.map(String) ?? [];
  const args: Args = {
    verb: name,
    text: (flag) => texts(flag).at(-1) ?? null,
    texts,
    on: (flag) => values[flag] === true,
    words: verb.takesCommand ? withoutSeparator(words, verb.words[0] - 1) : words,
  };
  const unknown = Object.keys(values).find((key) => key !== '_' && !flags.includes(key) && !isAlias(flags, key));
  if (unknown !== undefined) throw unknownFlag(name, flags, unknown);
  for (const flag of flags.filter((each) => OPTIONS[each]?.metavar === undefined)) {
    const given = values[flag];
    if (given !== undefined && given !== true) throw usageError(`--${flag} takes no value`, `compart ${name} --help`);
  }
  if (!args.on('help')) checkWords(name, verb, args.words);
  return args;
}

function readFlags(flags: readonly string[], valued: readonly string[], verb: Verb, argv: readonly string[]): Record<string, unknown> {
  const alias = Object.fromEntries(flags.flatMap((flag) => (OPTIONS[flag]?.alias ? [[flag, [OPTIONS[flag].alias]]] : [])));
  const { argv: values, error } = parser.detailed([...argv], {
    string: [...valued, '_'],
    boolean: flags.filter((flag) => !valued.includes(flag)),
    alias,
    narg: Object.fromEntries(valued.map((flag) => [flag, 1])),
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'halt-at-non-option': verb.takesCommand === true,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': false,
    },
  });
  const missing = /following: (.+)$/.exec(error?.message ?? '')?.[1];
  if (missing !== undefined) throw usageError(`--${missing} wants a value: ${OPTIONS[missing]?.metavar ?? ''}`);
  return values;
}

function isAlias(flags: readonly string[], key: string): boolean {
  return flags.some((flag) => OPTIONS[flag]?.alias === key);
}

/** `--` between the flags and the command, or between the name and the command, is no word of either. */
function withoutSeparator(words: string[], at: number): string[] {
  const index = words[0] === '--' ? 0 : at;
  return words[index] === '--' ? [...words.slice(0, index), ...words.slice(index + 1)] : words;
}

function checkWords(name: string, verb: Verb, words: readonly string[]): void {
  const [fewest, most] = verb.words;
  if (words.length < fewest) {
    const what = verb.takesCommand ? 'a command is missing' : 'a word is missing';
    throw usageError(`${name}: ${what}`, `usage: compart ${verb.usage}`);
  }
  if (words.length > most) throw usageError(`${name}: "${words[most] ?? ''}" is one word too many`, `usage: compart ${verb.usage}`);
}

function unknownFlag(name: string, flags: readonly string[], given: string): Error {
  const dashes = given.length === 1 ? '-' : '--';
  const near = nearest(given, flags);
  const hint = near === null ? `compart ${name} --help lists its flags` : `did you mean --${near}?`;
  const elsewhere = OPTIONS[given] !== undefined ? ` of ${name}` : '';
  return usageError(`${dashes}${given} is no flag${elsewhere}`, hint);
}

/** The word that a typing mistake away was meant, or null. */
export function nearest(given: string, known: readonly string[]): string | null {
  const close = known.map((word) => ({ word, steps: editDistance(given, word) })).sort((a, b) => a.steps - b.steps)[0];
  return close !== undefined && close.steps <= Math.max(1, Math.floor(given.length / 3)) ? close.word : null;
}

function editDistance(a: string, b: string): number {
  let row = [...Array(b.length + 1).keys()];
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
