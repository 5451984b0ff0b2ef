import { readFileSync } from 'node:fs';
import { afterEach, describe, expect } from '@jest/globals';
import type { Options } from 'execa';
import { STRANGER, strangers, useCorpus } from '../support/corpus.js';
import { flagsOf, requireCharge, requireHeld, requireShare } from '../support/held.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox, type Answer } from '../support/sandbox.js';
import type { ExitRecord } from '../support/shapes.js';
import { Terminal } from '../support/terminal.js';

const NEEDS = ['root', 'cc', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids'];
const it = requires(...NEEDS);
const WHO: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['root', []],
  ['another user', ['--user', `${STRANGER}:${STRANGER}`]],
];
const BOUNDS = { mib: 64, percent: 50, tasks: 64, timeout: '1s' };

// Before the hooks of the sandbox: what is left of a stranger is nowhere in its groups.
afterEach(() => {
  expect(strangers()).toEqual([]);
});
const sandbox = useSandbox();
const corpus = useCorpus(NEEDS);

/** Runs a program of the corpus under all limits at once; how it ended. */
async function held(
  flags: readonly string[],
  [program = '', ...words]: readonly string[],
  options: Options = {},
): Promise<Answer & { record: ExitRecord }> {
  const report = `${sandbox.current.dir}/report.json`;
  const argv = [
    'run',
    ...flagsOf(BOUNDS),
    ...flags,
    '--report',
    report,
    '--',
    corpus.current.path(program),
    ...words,
  ];
  const answer = await sandbox.current.compart(argv, { cwd: corpus.current.dir, ...options });
  const record = JSON.parse(readFileSync(report, 'utf8')) as ExitRecord;
  requireHeld(record, BOUNDS);
  return { ...answer, record };
}

describe.each(WHO)('processes without end, of %s', (_who, flags) => {
  it.each(['plain', 'sessions', 'daemons', 'vfork', 'namespaces', 'threads'])(
    'by %s: never more than were allowed, and none is left',
    async (mode) => {
      const { record } = await held(flags, ['forks', mode]);
      expect(['timeout', 'oom']).toContain(record.verdict);
      expect(record.stats.pids.denied).toBeGreaterThan(0);
    },
  );
});

describe.each(WHO)('memory without end, of %s', (who, flags) => {
  it.each([
    ['anonymous', ['oom']],
    ['shared', ['oom']],
    ['memfd', ['oom']],
    ['tmpfs', ['oom']],
    ['segments', ['oom']],
    ['pipes', ['oom', 'failed']],
    ['sockets', ['oom', 'failed']],
    // What a stranger may lock, and whether there are huge pages, is the host's to say.
    ['locked', who === 'root' ? ['oom'] : ['oom', 'failed']],
    ['huge', ['oom', 'failed']],
    // What the kernel takes back, it takes back.
    ['cache', ['timeout', 'oom']],
    ['dentries', ['timeout', 'oom']],
  ])('%s: never more than 64 MiB', async (mode, verdicts) => {
    const { record } = await held(flags, ['memory', mode]);
    expect(verdicts).toContain(record.verdict);
  });
});

describe.each(WHO)('floods of %s', (_who, flags) => {
  it.each(['output', 'disk', 'cpus'])('%s: half a CPU, and no more', async (mode) => {
    const { record } = await held(flags, ['flood', mode], { stdout: 'ignore' });
    expect(record).toMatchObject({ verdict: 'timeout', signal: 'SIGTERM' });
  });

  it('descriptors: as many as its own limit has', async () => {
    const { status, stdout } = await held(flags, ['flood', 'descriptors']);
    expect(status).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(100);
  });
});

describe('another user', () => {
  it('lifts no limit: not by the files of any group, nor in namespaces of its own', async () => {
    const { status, stdout, stderr } = await held(WHO[1]?.[1] ?? [], ['lift']);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  requires(...NEEDS, 'tmux')('types nothing into the terminal of its caller, who may', async () => {
    const { env, dir } = sandbox.current;
    const terminal = await Terminal.open(['bash', '--norc', '--noprofile'], {
      env: { ...env, COMPART, PS1: 'outer> ', HISTFILE: '' },
      cwd: dir,
    });
    try {
      await terminal.shows(/^outer>$/m);
      await terminal.line(
        `"$COMPART" run --user ${STRANGER}:${STRANGER} -- ${corpus.current.path('typing')}; echo end-$?`,
      );
      await terminal.shows(/^tried\nend-0\nouter>\n*$/m);
      expect(await terminal.history()).not.toMatch(/pushed|typed/);
      await terminal.line(`"$COMPART" run -- ${corpus.current.path('typing')} > /dev/null; echo end-$?`);
      if (readFileSync('/proc/sys/dev/tty/legacy_tiocsti', 'utf8').trim() !== '0')
        await terminal.shows(/^typed-42$/m);
    } finally {
      await terminal.close();
    }
  });
});

describe('an environment of 100,000 variables', () => {
  it('comes to the command whole', async () => {
    const env = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`V${index}`, '1']));
    const { status, stdout } = await sandbox.current.compart(['run', '--', 'env'], { env });
    expect(status).toBe(0);
    expect(stdout.match(/^V\d+=1$/gm)).toHaveLength(100_000);
  });
});

describe('the host, while strangers do their worst at once', () => {
  it('answers: by how much a task of 5 ms is late is printed', async () => {
    const worst = [
      ['forks', 'daemons'],
      ['memory', 'cache'],
      ['flood', 'cpus'],
      ['flood', 'output'],
    ];
    const runs = worst.map(async ([program = '', mode = '']) => {
      const limits = ['--mem', '64M', '--cpu', '20%', '--pids', '32', '--timeout', '3s'];
      const user = ['--user', `${STRANGER}:${STRANGER}`];
      const command = [corpus.current.path(program), mode];
      return sandbox.current.compart(['run', ...limits, ...user, '--', ...command], {
        cwd: corpus.current.dir,
        stdout: 'ignore',
      });
    });
    const { result, median, p99, worst: latest } = await corpus.current.pulse(() => Promise.all(runs));
    expect(result.map(({ status }) => status)).toEqual([124, 124, 124, 124]);
    process.stdout.write(`late by ${median} ms, 99 in 100 by at most ${p99}, the worst by ${latest}\n`);
  });
});

describe('a guest', () => {
  requires(...NEEDS, 'uml').each([
    ['forks', 'plain'],
    ['forks', 'namespaces'],
    ['memory', 'anonymous'],
    ['memory', 'dentries'],
    ['flood', 'cpus'],
    ['flood', 'output'],
  ])('is ended with what is in it, and holds it: %s %s as its root', async (program, mode) => {
    const report = `${sandbox.current.dir}/report.json`;
    const limits = [
      '--mem',
      '64M',
      '--cpu',
      '50%',
      '--timeout',
      '2s',
      '--mount',
      `${corpus.current.dir}:/corpus:ro`,
    ];
    const argv = ['boot', ...KERNEL_FLAGS, ...limits, '--report', report, '--', `/corpus/${program}`, mode];
    await sandbox.current.compart(argv, { stdout: 'ignore', cwd: '/' });
    const record = JSON.parse(readFileSync(report, 'utf8')) as ExitRecord;
    expect(['timeout', 'oom']).toContain(record.verdict);
    requireCharge(record);
    requireShare(record, 50);
  });
});
