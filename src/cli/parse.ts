import parser from 'yargs-parser';
import { usageError } from '../shared/errors.js';
import { own } from '../shared/own.js';
import { OPTIONS, optionOf } from './options.js';
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
  const { own: line, command } = splitLine(verb, argv);
  const values = readFlags(name, verb, flags, line);
  const texts = (flag: string): string[] => [values[flag] ?? []].flat().map(String);
  const words = (values['_'] as string[] | undefined)?.map(String) ?? [];
  const args: Args = {
    verb: name,
    text: (flag) => texts(flag).at(-1) ?? null,
    texts,
    on: (flag) => values[flag] === true,
    words: verb.takesCommand ? command : words,
  };
  // yargs-parser has a `_` of its own, and takes `-5` for a word.
  const odd = line.find((word) => /^--?_/.test(word)) ?? (verb.takesCommand ? words[0] : undefined);
  const unknown = Object.keys(values).find(
    (key) => key !== '_' && !flags.includes(key) && !isAlias(verb, flags, key),
  );
  const wrong = odd?.replace(/^--?|=.*$/gs, '') ?? unknown;
  if (wrong !== undefined) throw unknownFlag(name, flags, wrong);
  for (const flag of flags.filter((each) => !takesValue(verb, each))) {
    const given = [values[flag] ?? []].flat();
    if (given.some((value) => value !== true))
      throw usageError(`--${flag} takes no value`, `compart ${name} --help`);
    if (given.length > 0) values[flag] = true;
  }
  // A compart.yaml may have the command.
  const missing = verb.takesCommand && args.words.length === 0 && args.text('file') !== null;
  if (!args.on('help') && !missing) checkWords(name, verb, args.words);
  return args;
}

const takesValue = (verb: Verb, flag: string): boolean => optionOf(verb, flag)?.metavar !== undefined;

/** What of a line is compart's own, and the user's command: all from the first word on that is no flag of compart. */
export interface Line {
  own: string[];
  command: string[];
}

/**
 * Splits the words after the verb; a verb that takes no command owns them all. `-m64M` becomes `-m=64M`:
 * yargs-parser takes a joined value only where it is a number.
 */
export function splitLine(verb: Verb, argv: readonly string[]): Line {
  const valued = verb.flags.filter((flag) => takesValue(verb, flag));
  const letters = new Set(valued.flatMap((flag) => optionOf(verb, flag)?.alias ?? []));
  const line: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--' && !verb.takesCommand) return { own: [...line, ...argv.slice(index)], command: [] };
    if (word === '--') return { own: line, command: withoutSeparator(verb, argv.slice(index + 1)) };
    if (verb.takesCommand && !/^-./s.test(word))
      return { own: line, command: withoutSeparator(verb, argv.slice(index)) };
    const letter = word.charAt(1);
    line.push(/^-[a-z][^=]/s.test(word) && letters.has(letter) ? `-${letter}=${word.slice(2)}` : word);
    const takesNext = word.startsWith('--')
      ? valued.includes(word.slice(2))
      : word.length === 2 && letters.has(letter);
    const next = argv[index + 1];
    // As yargs-parser: `-5` may be a value, another flag is none.
    if (takesNext && next !== undefined && !/^-[^0-9]/.test(next)) {
      line.push(next);
      index += 1;
    }
  }
  return { own: line, command: [] };
}

/** `exec NAME -- CMD`: the separator is no word of the command. */
function withoutSeparator(verb: Verb, words: readonly string[]): string[] {
  const at = verb.words[0] - 1;
  return words.filter((word, index) => index === 0 || index !== at || word !== '--');
}

function readFlags(
  name: string,
  verb: Verb,
  flags: readonly string[],
  line: readonly string[],
): Record<string, unknown> {
  const valued = flags.filter((flag) => takesValue(verb, flag));
  const alias = Object.fromEntries(
    flags.flatMap((flag) => {
      const letter = optionOf(verb, flag)?.alias;
      return letter === undefined ? [] : [[flag, [letter]]];
    }),
  );
  const { argv: values, error } = parser.detailed([...line], {
    string: [...valued, '_'],
    boolean: flags.filter((flag) => !valued.includes(flag)),
    alias,
    narg: Object.fromEntries(valued.map((flag) => [flag, 1])),
    configuration: {
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': false,
    },
  });
  const short = /following: (.+)$/.exec(error?.message ?? '')?.[1];
  if (short !== undefined) {
    const missing = flags.find((flag) => OPTIONS[flag]?.alias === short) ?? short;
    throw usageError(
      `--${missing} wants a value: ${OPTIONS[missing]?.metavar ?? ''}`,
      `compart ${name} --help says which are accepted`,
    );
  }
  return values;
}

function isAlias(verb: Verb, flags: readonly string[], key: string): boolean {
  return flags.some((flag) => optionOf(verb, flag)?.alias === key);
}

function checkWords(name: string, verb: Verb, words: readonly string[]): void {
  const [fewest, most] = verb.words;
  if (words.length < fewest) {
    const what = verb.takesCommand ? 'a command is missing' : 'a word is missing';
    throw usageError(`${name}: ${what}`, `usage: compart ${verb.usage}`);
  }
  if (words.length > most)
    throw usageError(`${name}: "${words[most] ?? ''}" is one word too many`, `usage: compart ${verb.usage}`);
}

function unknownFlag(name: string, flags: readonly string[], given: string): Error {
  const dashes = given.length === 1 ? '-' : '--';
  const near = nearest(given, flags);
  const hint = near === null ? `compart ${name} --help lists its flags` : `did you mean --${near}?`;
  const elsewhere = own(OPTIONS, given) !== undefined ? ` of ${name}` : '';
  return usageError(`${dashes}${given} is no flag${elsewhere}`, hint);
}

/** The word that a typing mistake away was meant, or null. */
export function nearest(given: string, known: readonly string[]): string | null {
  const close = known
    .map((word) => ({ word, steps: editDistance(given, word) }))
    .sort((a, b) => a.steps - b.steps)[0];
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
