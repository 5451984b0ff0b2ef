import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OPTIONS } from '../../src/cli/options.js';
import { nearest, parseArgs, splitLine, type Args } from '../../src/cli/parse.js';
import { VERBS, type Verb } from '../../src/cli/verbs.js';
import { VERSION } from '../../src/shared/version.js';
import { neverCrashes, said } from './units/wrong.js';

function verb(name: string): Verb {
  const found = VERBS[name];
  if (found === undefined) throw new Error(`no verb ${name}`);
  return found;
}
const parse = (name: string, ...argv: string[]): Args => parseArgs(name, verb(name), argv);
const wrong = (name: string, ...argv: string[]): [string, string | null] => {
  const { message, hint } = said(() => parse(name, ...argv));
  return [message, hint];
};

describe('the words of run', () => {
  it.each<[string, string[], string[]]>([
    ['the command from the first word on that is no flag', ['ls', '-l'], ['ls', '-l']],
    ['the command after --', ['--', 'ls', '-l'], ['ls', '-l']],
    [
      'flags of the command that compart has as well',
      ['-m', '64M', 'sh', '-c', 'x', '--mem', '1'],
      ['sh', '-c', 'x', '--mem', '1'],
    ],
    ['a command that looks like a flag', ['--', '--mem', '64M'], ['--mem', '64M']],
    ['-- in the command', ['env', '--', 'sh'], ['env', '--', 'sh']],
    ['a second --', ['--', '--', 'sh'], ['--', 'sh']],
    ['a command called -', ['-', 'x'], ['-', 'x']],
    ['an empty word', ['', 'x'], ['', 'x']],
    ['a command called true behind a switch', ['--keep', 'true'], ['true']],
    ['words with quotes, blanks and newlines', ['"a b"', "'c'", 'd\ne'], ['"a b"', "'c'", 'd\ne']],
    ['numbers as they are written', ['007', '1e3', '0x10'], ['007', '1e3', '0x10']],
  ])('are %s', (_what, argv, words) => {
    expect(parse('run', ...argv).words).toEqual(words);
  });

  it('hands any command through unchanged behind --', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (command) => {
        expect(parse('run', '-m', '64M', '--', ...command).words).toEqual(command);
      }),
    );
  });

  it('hands through any arguments behind a command', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('--', '--mem', '-m', '--json'))), (rest) => {
        expect(parse('run', 'cmd', ...rest).words).toEqual(['cmd', ...rest]);
      }),
    );
  });
});

describe('the words of exec', () => {
  it.each<[string[], string[]]>([
    [
      ['a', 'ls', '-l'],
      ['a', 'ls', '-l'],
    ],
    [
      ['a', '--', 'ls', '-l'],
      ['a', 'ls', '-l'],
    ],
    [
      ['-u', 'nobody', 'a', '--', 'ls'],
      ['a', 'ls'],
    ],
    [
      ['--', 'a', '--', 'ls'],
      ['a', 'ls'],
    ],
    [
      ['a', '--', '--', 'ls'],
      ['a', '--', 'ls'],
    ],
    [
      ['a', 'ls', '--'],
      ['a', 'ls', '--'],
    ],
  ])('%j are %j', (argv, words) => {
    expect(parse('exec', ...argv).words).toEqual(words);
  });
});

describe('a flag with a value', () => {
  it.each<[string[]]>([[['--mem', '64M']], [['--mem=64M']], [['-m', '64M']], [['-m64M']], [['-m=64M']]])(
    'is read as %j',
    (flag) => {
      const args = parse('run', ...flag, 'true');
      expect(args.text('mem')).toBe('64M');
      expect(args.words).toEqual(['true']);
    },
  );

  it('counts the last time it is given, and every time if it may be repeated', () => {
    expect(parse('run', '--mem', '1M', '-m2M', '--mem=3M', 'x').text('mem')).toBe('3M');
    expect(parse('run', '--label', 'a=1', '--label=b=2', 'x').texts('label')).toEqual(['a=1', 'b=2']);
    expect(parse('run', '-eA=1', '-e', 'B=2', 'x').texts('env')).toEqual(['A=1', 'B=2']);
    expect(parse('run', 'x').text('mem')).toBeNull();
    expect(parse('run', 'x').texts('env')).toEqual([]);
  });

  it.each<[string, string[], string]>([
    ['a negative number', ['--mem', '-5'], '-5'],
    ['an empty text', ['--mem', ''], ''],
    ['an empty text behind =', ['--mem='], ''],
    ['a text with =', ['--mem=a=b'], 'a=b'],
    ['a word that is a boolean elsewhere', ['--mem', 'true'], 'true'],
    ['a number that is not read as one', ['--mem', '0x10'], '0x10'],
    ['a text with quotes', ['--mem', '"5"'], '"5"'],
  ])('takes %s as its value', (_what, flag, text) => {
    expect(parse('run', ...flag, 'x').text('mem')).toBe(text);
  });

  it('is missing its value at the end and before another flag', () => {
    const hint = 'compart run --help says which are accepted';
    expect(wrong('run', '--mem')).toEqual(['--mem wants a value: SIZE', hint]);
    expect(wrong('run', '--mem', '--cpu', '1', 'x')).toEqual(['--mem wants a value: SIZE', hint]);
    expect(wrong('run', '-m')).toEqual(['--mem wants a value: SIZE', hint]);
  });
});

describe('a switch', () => {
  it('is on when given, also twice, and takes no value', () => {
    expect(parse('run', '-d', 'x').on('detach')).toBe(true);
    expect(parse('run', '--keep', '--keep', 'x').on('keep')).toBe(true);
    expect(parse('run', 'x').on('keep')).toBe(false);
    expect(wrong('run', '--keep=3', 'x')).toEqual(['--keep takes no value', 'compart run --help']);
    expect(wrong('run', '--keep=false', 'x')).toEqual(['--keep takes no value', 'compart run --help']);
  });
});

describe('what is no flag', () => {
  it.each<[string, string[], string, string]>([
    ['run', ['--bogus', 'x'], '--bogus is no flag', 'compart run --help lists its flags'],
    ['run', ['--memm=1M', 'x'], '--memm is no flag', 'did you mean --mem?'],
    ['run', ['--time-out', '3s', 'x'], '--time-out is no flag', 'did you mean --timeout?'],
    ['run', ['-z', 'x'], '-z is no flag', 'compart run --help lists its flags'],
    ['run', ['-5', 'x'], '-5 is no flag', 'compart run --help lists its flags'],
    ['run', ['--no-keep', 'x'], '--no-keep is no flag', 'compart run --help lists its flags'],
    ['run', ['--__proto__', 'x'], '--__proto__ is no flag', 'compart run --help lists its flags'],
    ['run', ['--constructor', 'x'], '--constructor is no flag', 'compart run --help lists its flags'],
    ['run', ['--_x', 'x'], '--_x is no flag', 'compart run --help lists its flags'],
    ['run', ['--mem.x', '1', 'x'], '--mem.x is no flag', 'compart run --help lists its flags'],
    ['run', ['--force', 'x'], '--force is no flag of run', 'compart run --help lists its flags'],
    ['ps', ['--mem', '1M'], '--mem is no flag of ps', 'compart ps --help lists its flags'],
  ])('%s %j', (name, argv, message, hint) => {
    expect(wrong(name, ...argv)).toEqual([message, hint]);
  });

  it('suggests what is a typing mistake away', () => {
    expect(nearest('rn', Object.keys(VERBS))).toBe('run');
    expect(nearest('frobnicate', Object.keys(VERBS))).toBeNull();
    expect(nearest('', Object.keys(VERBS))).toBeNull();
  });
});

describe('the number of words', () => {
  it.each<[string, string[], string]>([
    ['run', [], 'run: a command is missing'],
    ['exec', ['a'], 'exec: a command is missing'],
    ['load', [], 'load: a word is missing'],
    ['attach', ['a'], 'attach: a word is missing'],
    ['ps', ['x'], 'ps: "x" is one word too many'],
    ['load', ['vm', 'x'], 'load: "x" is one word too many'],
    ['kill', ['-9', 'x'], 'kill: "x" is one word too many'],
  ])('%s %j', (name, argv, message) => {
    expect(wrong(name, ...argv)).toEqual([message, `usage: compart ${verb(name).usage}`]);
  });

  it('does not matter to --help', () => {
    expect(parse('load', '--help').on('help')).toBe(true);
    expect(parse('run', '-h').on('help')).toBe(true);
  });
});

describe('splitLine', () => {
  it("knows which words are compart's own", () => {
    expect(splitLine(verb('run'), ['--json', '-m', '--json', 'x', '--json']).own).toEqual([
      '--json',
      '-m',
      '--json',
    ]);
    expect(splitLine(verb('ps'), ['a', '--json']).own).toEqual(['a', '--json']);
  });
});

describe('any command line', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(
      '--',
      '-',
      '--json',
      '-m',
      '-m1M',
      '--keep',
      'true',
      '--mem',
      '--label=a=b',
      '--__proto__',
      '-_',
      '--help=',
      ...Object.keys(OPTIONS).map((flag) => `--${flag}`),
    ),
  );

  it.each(Object.keys(VERBS))('of %s is read or refused with a usage error', (name) => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (argv) =>
        neverCrashes(() => parse(name, ...argv).words.every((each) => typeof each === 'string')),
      ),
    );
  });
});

describe('the tables', () => {
  it('have every flag of every verb, and no letter twice in one verb', () => {
    for (const { flags } of Object.values(VERBS)) {
      const letters = [...flags, 'help'].flatMap((flag) => OPTIONS[flag]?.alias ?? []);
      expect(flags.filter((flag) => OPTIONS[flag] === undefined)).toEqual([]);
      expect(new Set(letters).size).toBe(letters.length);
    }
  });

  it('have two examples for every verb that people use, each starting with it', () => {
    for (const [name, { hidden, examples }] of Object.entries(VERBS)) {
      expect(examples).toHaveLength(hidden ? 0 : 2);
      for (const [example] of examples) expect(example).toContain(`compart ${name}`);
    }
  });

  it('have the version of package.json', () => {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(text) as { version: string }).version).toBe(VERSION);
  });
});
