import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { hog, ownLines, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, processesBelow, useSandbox, type Answer, type Sandbox } from '../support/sandbox.js';
import type { ErrorAnswer } from '../support/shapes.js';

const sandbox = useSandbox();
const confined = requires('groups');
const run = (...words: string[]): Promise<Answer> => sandbox.current.compart(['run', ...words]);

describe("the exit status: the command's own", () => {
  confined.each([0, 1, 2, 7, 124, 125, 126, 127, 128, 137, 254, 255])(
    '%i, and nothing on stderr',
    async (status) => {
      expect(await run('--', 'sh', '-c', `exit ${status}`)).toEqual({ status, stdout: '', stderr: '' });
    },
  );

  confined('of a detached command is in the history: 42', async () => {
    expect((await run('-d', '--name', 'later', '--', 'sh', '-c', 'exit 42')).stdout).toBe('later\n');
    const ended = await until('its exit record', async () => {
      const records = await sandbox.current.json<Array<{ name: string; exitCode: number }>>(['history']);
      return records.find(({ name }) => name === 'later');
    });
    expect(ended.exitCode).toBe(42);
  });
});

describe('the exit status: 128+N if signal N ended it', () => {
  confined.each([
    ['HUP', 129],
    ['INT', 130],
    ['QUIT', 131],
    ['ABRT', 134],
    ['FPE', 136],
    ['KILL', 137],
    ['USR1', 138],
    ['SEGV', 139],
    ['USR2', 140],
    ['PIPE', 141],
    ['ALRM', 142],
    ['TERM', 143],
    ['XCPU', 152],
    ['SYS', 159],
  ])('SIG%s ends the command with %i, and nothing on stderr', async (signal, status) => {
    const answer = await run('--', 'sh', '-c', `ulimit -c 0; kill -${signal} $$; sleep 5`);
    expect(answer).toEqual({ status, stdout: '', stderr: '' });
  });

  confined('the real-time signal 40 ends the command with 168; the report calls it SIG40', async () => {
    const report = `${sandbox.current.dir}/report.json`;
    const answer = await run('--report', report, '--', 'bash', '-c', 'kill -40 $$; sleep 5');
    expect(answer).toEqual({ status: 168, stdout: '', stderr: '' });
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ exitCode: null, signal: 'SIG40' });
  });

  requires(
    'groups',
    'cgroup-memory',
    'python3',
  )('an OOM kill ends the command with 137 and one line on stderr', async () => {
    const { status, stderr } = await run('--mem', '32M', '--', ...hog(100));
    expect(status).toBe(137);
    expect(stderr).toMatch(/^compart: .*: out of memory: 1 process killed at the 32 MiB limit .*\n$/);
  });
});

describe('the exit status: 124, --timeout ran out', () => {
  confined(
    'a sleep of 100 s under --timeout 300ms ends within 3 s, with one line that names the limit',
    async () => {
      const started = Date.now();
      const { status, stdout, stderr } = await run(
        '--name',
        'late',
        '--timeout',
        '300ms',
        '--',
        'sleep',
        '100',
      );
      expect({ status, stdout }).toEqual({ status: 124, stdout: '' });
      expect(stderr).toBe('compart: late: timed out after 300ms (--timeout); try --timeout 600ms\n');
      expect(Date.now() - started).toBeGreaterThanOrEqual(300);
      expect(Date.now() - started).toBeLessThan(3000);
    },
  );

  confined('a command that answers TERM with exit 0 ends with 124 all the same', async () => {
    const { status } = await run(
      '--timeout',
      '300ms',
      '--',
      'sh',
      '-c',
      'trap "exit 0" TERM; while :; do sleep 0.05; done',
    );
    expect(status).toBe(124);
  });

  confined('a command that ends in time ends with its own status 6, and nothing on stderr', async () => {
    expect(await run('--timeout', '1m', '--', 'sh', '-c', 'exit 6')).toEqual({
      status: 6,
      stdout: '',
      stderr: '',
    });
  });

  confined(
    'a tree of 4 that ignores TERM, two of it in sessions of their own, is killed 5 s later',
    async () => {
      const started = Date.now();
      const deaf = 'trap "" TERM HUP INT';
      const script = `${deaf}; setsid sh -c '${deaf}; sleep 1000 & sleep 1001; :' & sleep 1002; sleep 1003; sleep 1004`;
      const subprocess = sandbox.current.start(['run', '--timeout', '500ms', '--', 'sh', '-c', script]);
      await until('the tree', () => new Set(processesBelow(sandbox.current.base)).size >= 5);
      const { exitCode } = await subprocess;
      expect(exitCode).toBe(124);
      expect(processesBelow(sandbox.current.base)).toEqual([]);
      expect(Date.now() - started).toBeGreaterThanOrEqual(5400);
      expect(Date.now() - started).toBeLessThan(9000);
    },
  );

  confined('a command stopped by SIGSTOP is ended as well', async () => {
    const { status } = await run(
      '--timeout',
      '300ms',
      '--',
      'sh',
      '-c',
      'sh -c "kill -STOP \\$\\$" & kill -STOP $!; wait; sleep 100',
    );
    expect(status).toBe(124);
  });

  confined('a detached command is ended by its monitor: verdict timeout', async () => {
    await run('-d', '--name', 'later', '--timeout', '300ms', '--', 'sleep', '100');
    const ended = await until('its exit record', async () => {
      const records = await sandbox.current.json<Array<{ name: string; verdict: string }>>(['history']);
      return records.find(({ name }) => name === 'later');
    });
    expect(ended.verdict).toBe('timeout');
    await until(
      'its end',
      async () => (await sandbox.current.compart(['ps', '--json'])).stdout.trim() === '[]',
    );
  });
});

/** A failure of compart itself: what to prepare, what to run, the code and the beginning of the message. */
interface Failure {
  code: string;
  what: string;
  prepare?: (current: Sandbox) => Promise<unknown>;
  words: (current: Sandbox) => string[];
  env?: (current: Sandbox) => Record<string, string>;
  message: RegExp;
  test?: typeof confined;
}

const loaded = (current: Sandbox): Promise<Answer> =>
  current.compart(['load', 'pids', '--name', 'there', '--pids', '10']);

const FAILURES: Failure[] = [
  {
    code: 'NOT_FOUND',
    what: 'a name that nobody has',
    words: () => ['inspect', 'nobody'],
    message: /^no compartment named "nobody"$/,
  },
  {
    code: 'NOT_FOUND',
    what: 'setting a limit of a name that nobody has',
    words: () => ['set', 'nobody', '--pids', '5'],
    message: /^no compartment named "nobody"$/,
  },
  {
    code: 'EXISTS',
    what: 'a name that is taken',
    prepare: loaded,
    words: () => ['run', '--name', 'there', '--', 'true'],
    message: /^a compartment named "there" exists already$/,
  },
  {
    code: 'EXISTS',
    what: 'a subsystem that is loaded',
    prepare: loaded,
    words: () => ['load', 'pids', '--name', 'there'],
    message: /^"there" has pids already$/,
  },
  {
    code: 'UNSUPPORTED',
    what: 'a compartment within a compartment',
    words: () => ['run', '--name', 'outer', '--', COMPART, 'run', '--', 'true'],
    message: /^this process runs in compartment "outer" already/,
  },
  {
    code: 'STATE',
    what: 'a state folder that cannot be one',
    env: ({ dir }) => ({ COMPART_STATE: `${dir}/file` }),
    prepare: ({ dir }) => Promise.resolve(writeFileSync(`${dir}/file`, '')),
    words: () => ['run', '--', 'true'],
    message: /^cannot make .*\/file\/compartments: Not a directory$/,
  },
  {
    code: 'KERNEL',
    what: 'a parent of groups that is a file of the kernel',
    env: () => ({ COMPART_CGROUP: '/cgroup.procs/x' }),
    words: () => ['run', '--name', 'blocked', '--', 'true'],
    message: /^cannot make .*: Not a directory$/,
    // Anybody else is refused before, as nothing was handed over there.
    test: requires('root'),
  },
  {
    code: 'LAUNCH',
    what: 'a --workdir that is not there',
    words: ({ dir }) => ['run', '--workdir', `${dir}/no`, '--', 'true'],
    message: /^cannot change to the directory .*\/no: No such file or directory$/,
  },
  {
    code: 'ATTACH',
    what: 'attaching process 1',
    prepare: loaded,
    words: () => ['attach', 'there', '1'],
    message: /\b1\b/,
  },
];

describe('the exit status: 125, compart itself failed', () => {
  const expectFailure = async ({ code, prepare, words, env, message }: Failure): Promise<void> => {
    const { current } = sandbox;
    await prepare?.(current);
    const [verb = '', ...rest] = words(current);
    // An error of a compart within: its own stderr is what counts.
    const nested = rest.indexOf(COMPART) + 1;
    const argv =
      nested > 0
        ? [verb, ...rest.slice(0, nested), rest[nested] ?? '', '--json', ...rest.slice(nested + 1)]
        : [verb, '--json', ...rest];
    const asJson = await current.compart(argv, { env: env?.(current) ?? {} });
    const { error } = JSON.parse(asJson.stderr) as ErrorAnswer;
    expect({ status: asJson.status, stdout: asJson.stdout, code: error.code }).toEqual({
      status: 125,
      stdout: '',
      code: `ERR_COMPART_${code}`,
    });
    expect(error.message).toMatch(message);
    const forPeople = await current.compart([verb, ...rest], { env: env?.(current) ?? {} });
    const lines = [error.message, ...(error.hint === null ? [] : [error.hint])].join('\n').split('\n');
    expect(forPeople).toMatchObject({ status: 125, stdout: '' });
    expect(ownLines(forPeople.stderr)).toEqual(lines.map((line) => `compart: ${line}`));
    if (prepare === loaded) await current.compart(['rm', 'there']);
  };
  for (const failure of FAILURES)
    (failure.test ?? confined)(`${failure.code}: ${failure.what}`, () => expectFailure(failure));

  it.each([
    [['ps']],
    [['ps', '--json']],
    [['history']],
    [['doctor']],
    [['metrics']],
    [['run', '--help']],
    [['--version']],
  ])('OUTPUT: %j onto a disk that is full', async (words) => {
    const script = ['-c', 'exec "$0" "$@" > /dev/full', COMPART, ...words];
    const options = { env: sandbox.current.env, reject: false, stdin: 'ignore' } as const;
    const { exitCode, stderr } = await execa('sh', script, options);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 125,
      stderr: expect.stringMatching(/cannot write to stdout: No space left on device/),
    });
    expect(stderr).not.toMatch(/report it/);
  });

  confined('BUSY: removing a compartment in which a process runs', async () => {
    await run('-d', '--name', 'busy', '--', 'sleep', '100');
    const answer = await sandbox.current.compart(['rm', 'busy', '--json']);
    expect({ status: answer.status, error: (JSON.parse(answer.stderr) as ErrorAnswer).error }).toMatchObject({
      status: 125,
      error: { code: 'ERR_COMPART_BUSY', message: 'processes run in "busy"' },
    });
    expect((await sandbox.current.compart(['rm', '--force', 'busy'])).status).toBe(0);
  });
});
