import { writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readCompartFile, type FileEntry } from '../../src/compartments/file.js';
import { LIMIT_FIELDS } from '../../src/compartments/limits.js';
import { CompartError, usageError } from '../../src/shared/errors.js';
import { useFolder } from './state.js';

const folder = useFolder();
const path = (): string => `${folder.path}/compart.yaml`;

async function read(text: string): Promise<FileEntry[]> {
  writeFileSync(path(), text);
  return readCompartFile(path());
}

async function refusal(text: string): Promise<[string, string | null]> {
  try {
    await read(text);
  } catch (error) {
    if (!(error instanceof CompartError)) throw error;
    expect(error.code).toBe('ERR_COMPART_FILE');
    return [error.message.replace(`${path()}:`, ''), error.hint];
  }
  throw new Error('it was read');
}

describe('a compart.yaml', () => {
  it('has the keys of the flags, as they are written there', async () => {
    const [build, idle] = await read(`
compartments:
  build:
    mem: 0.50G
    cpu: 1e3
    cpus: 0-1
    pids: 0100
    io-write: [/dev/vda=10MB/s, 1MB/s]
    io-read: max
    command: [make, -j4, 010, "true", yes]
    labels: {team: web, n: 1}
    env:
      A: ''
    workdir: /tmp
    user: nobody
    timeout: 1h30m
    keep: true
    strict: true
  idle:
`);
    expect(build).toMatchObject({
      name: 'build',
      limits: {
        mem: '0.50G',
        cpu: '1e3',
        cpus: '0-1',
        pids: '0100',
        'io-write': ['/dev/vda=10MB/s', '1MB/s'],
        'io-read': 'max',
      },
      command: ['make', '-j4', '010', 'true', 'yes'],
      labels: { team: 'web', n: '1' },
      env: { A: '' },
      workdir: '/tmp',
      user: 'nobody',
      timeoutMs: 5_400_000,
      keep: true,
      strict: true,
    });
    expect(idle).toMatchObject({
      name: 'idle',
      limits: {},
      command: null,
      labels: {},
      env: {},
      timeoutMs: null,
      keep: false,
      strict: false,
      depends: [],
      ready: null,
      readyMs: 60_000,
      guest: null,
    });
  });

  it('reads guests, what they depend on and when they are ready, in the order in which they can be started', async () => {
    const [db, web] = await read(`
compartments:
  web:
    depends: [db]
    command: [serve]
guests:
  db:
    root: /srv/debian
    mount: [/a:/b, /c:/d:ro]
    hide: /root
    ready: [pg_isready]
    ready-timeout: 90s
`);
    expect(web).toMatchObject({ name: 'web', depends: ['db'], guest: null });
    expect(db).toMatchObject({
      name: 'db',
      guest: { root: '/srv/debian', mount: ['/a:/b', '/c:/d:ro'], hide: ['/root'] },
      ready: ['pg_isready'],
      readyMs: 90_000,
    });
  });

  const keys = `known: ${Object.keys(LIMIT_FIELDS)
    .filter((key) => !LIMIT_FIELDS[key]?.onlySet)
    .join(', ')}, command, labels, env, workdir, user, timeout, keep, strict, depends, ready, ready-timeout`;
  it.each<[string, string, string | null]>([
    ['', '1: no compartments in it', 'as in: compartments: {build: {mem: 512M, command: [make]}}'],
    [
      'compartments:\n',
      '1: no compartments in it',
      'as in: compartments: {build: {mem: 512M, command: [make]}}',
    ],
    [
      '- a\n',
      '1: the file: a map of keys and values is wanted',
      'as in: compartments: {build: {mem: 512M, command: [make]}}',
    ],
    [
      'text',
      '1: the file: a map of keys and values is wanted',
      'as in: compartments: {build: {mem: 512M, command: [make]}}',
    ],
    [
      'compartments: [a]',
      '1: compartments: a map of keys and values is wanted',
      'as in: compartments: {build: {mem: 512M, command: [make]}}',
    ],
    ['services:\n  a: {}\n', '1: unknown key "services"', 'known: compartments, guests'],
    ['compartments:\n  a:\n    depends: [b]\n', '3: a.depends: "b" is not in the file', 'there are: a'],
    [
      'compartments:\n  a:\n    depends: [b]\n  b:\n    depends: [a]\n',
      '3: a.depends: a -> b -> a is a circle',
      'break it',
    ],
    [
      'compartments:\n  a: {}\nguests:\n  a: {}\n',
      '4: a: a compartment and a guest have this name',
      'rename one',
    ],
    ['compartments:\n  a:\n    root: /\n', '3: unknown key "root"', keys],
    ['compartments:\n  a:\n    memm: 1M\n', '3: unknown key "memm"', keys],
    ['compartments:\n  a:\n    constructor: 1M\n', '3: unknown key "constructor"', keys],
    ['compartments:\n  a:\n    __proto__: 1M\n', '3: unknown key "__proto__"', keys],
    ['compartments:\n  a:\n    mem: [1M]\n', '3: a.mem: a value is wanted', 'one word, as in mem: 512M'],
    ['compartments:\n  a:\n    mem:\n', '3: a.mem: a value is wanted', 'one word, as in mem: 512M'],
    [
      'compartments:\n  a:\n    command: make\n',
      '3: a.command: a list is wanted',
      'as in: command: [sh, -c, "make test"]',
    ],
    [
      'compartments:\n  a:\n    command: []\n',
      '3: a.command: a list is wanted',
      'as in: command: [sh, -c, "make test"]',
    ],
    [
      'compartments:\n  a:\n    command: [[a]]\n',
      '3: a.command: a list of words is wanted',
      'as in: command: [sh, -c, "make test"]',
    ],
    [
      'compartments:\n  a:\n    command: [null]\n',
      '3: a.command: a list of words is wanted',
      'as in: command: [sh, -c, "make test"]',
    ],
    [
      'compartments:\n  a:\n    command: ["a\\0b"]\n',
      '3: a.command: a NUL character is in it',
      'leave it out',
    ],
    [
      'compartments:\n  a:\n    env: {A: "x\\0uid=0"}\n',
      '3: a.env.A: a NUL character is in it',
      'leave it out',
    ],
    [
      'compartments:\n  a:\n    env: [A=1]\n',
      '3: a.env: a map of keys and values is wanted',
      'as in: compartments: {build: {mem: 512M, command: [make]}}',
    ],
    [
      'compartments:\n  a:\n    labels: x\n',
      '3: a.labels: a map of keys and values is wanted',
      'as in: compartments: {build: {mem: 512M, command: [make]}}',
    ],
    [
      'compartments:\n  a:\n    timeout: 5\n',
      '3: a.timeout: "5" is not a duration',
      'accepted: 500ms, 30s, 5m, 1h30m',
    ],
    [
      'compartments:\n  a:\n    keep: yes\n',
      '3: a.keep: "yes" is neither true nor false',
      'accepted: true, false',
    ],
    [
      'compartments:\n  A:\n    mem: 1M\n',
      '2: A: not a name',
      'accepted: 1 to 63 of a-z 0-9 . _ -, the first a letter or a digit',
    ],
    [
      'compartments:\n  ../a: {}\n',
      '2: ../a: not a name',
      'accepted: 1 to 63 of a-z 0-9 . _ -, the first a letter or a digit',
    ],
  ])('%j is refused with its line', async (text, message, hint) => {
    expect(await refusal(text)).toEqual([message, hint]);
  });

  it.each([
    ['compartments:\n  a: {\n', /^3: /],
    ['a: b: c\n', /^1: /],
    ['compartments:\n  a:\n    mem: 1M\n    mem: 2M\n', /^4: duplicate key "mem"/],
    ['a: 1\n---\nb: 2\n', /^\d: /],
    ['compartments:\n\ta: 1\n', /^2: Tabs are not allowed/],
  ])('%j is refused with the line of the mistake', async (text, message) => {
    expect((await refusal(text))[0]).toMatch(message);
  });

  it('puts the line of a key before an error about its value', async () => {
    const [entry] = await read('compartments:\n  a:\n    cpu: 1\n    mem: 12X\n');
    const blamed = (key: string, error: unknown): unknown => {
      try {
        return entry?.blame(key, error);
      } catch (thrown) {
        return thrown;
      }
    };
    const wrong = usageError('--mem: "12X" is not a size', 'accepted: 512M');
    expect(blamed('mem', wrong)).toMatchObject({
      code: 'ERR_COMPART_FILE',
      message: `${path()}:4: --mem: "12X" is not a size`,
      hint: 'accepted: 512M',
    });
    expect(blamed('a', new CompartError('ERR_COMPART_UNSUPPORTED', 'no'))).toMatchObject({
      code: 'ERR_COMPART_UNSUPPORTED',
      message: `${path()}:2: no`,
    });
    expect(blamed('a', 'text')).toBe('text');
  });

  it('is missed by its name', async () => {
    await expect(readCompartFile(path())).rejects.toMatchObject({
      code: 'ERR_COMPART_FILE',
      message: `cannot read ${path()}: No such file or directory`,
      hint: '-f names another file',
    });
    await expect(readCompartFile(folder.path)).rejects.toMatchObject({
      message: `cannot read ${folder.path}: Is a directory`,
    });
  });

  it('is read or refused, whatever it holds', async () => {
    const words = [
      ...[
        'compartments:',
        '\n  a:',
        '\n    ',
        'mem: ',
        '1M',
        '[',
        ']',
        '{',
        '}',
        '- ',
        '&x ',
        '*x',
        '"',
        "'",
        '? ',
        ': ',
      ],
      ...['!!map ', '|', '<<: ', 'keep: ', 'env: ', 'command: ', '\t', '#', '---', '\0'],
    ];
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((parts) => parts.join('')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        try {
          expect((await read(content)).length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof CompartError)) throw error;
          expect(error.code).toBe('ERR_COMPART_FILE');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
