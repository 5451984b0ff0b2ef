import { readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { VERBS } from '../../src/cli/verbs.js';
import { hog, ownLines, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, groupsBelow, processesBelow, useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer, ExitRecord, Inspection, Stats } from '../support/shapes.js';

const sandbox = useSandbox();
const compart = (...args: string[]): Promise<Answer> => sandbox.current.compart(args);
const inspect = (name: string): Promise<Inspection> => sandbox.current.json(['inspect', name]);
const history = (): Promise<ExitRecord[]> => sandbox.current.json(['history']);
const DONE: Answer = { status: 0, stdout: '', stderr: '' };

async function detach(name: string, flags: string[], ...command: string[]): Promise<void> {
  expect(await compart('run', '-d', '--name', name, ...flags, '--', ...command)).toEqual({
    ...DONE,
    stdout: `${name}\n`,
  });
}

const gone = (name: string): Promise<boolean> =>
  until(`${name} is gone`, async () => (await compart('inspect', name)).status === 125);

async function refusal(...args: string[]): Promise<ErrorAnswer['error'] & { status: number }> {
  const { status, stderr } = await compart(...args, '--json');
  return { status, ...(JSON.parse(stderr) as ErrorAnswer).error };
}

/** Keys by subsystem, as docs/cli.md has them under "JSON shapes". */
const STATS_KEYS = {
  vm: 'usageBytes limitBytes highBytes peakBytes workingSetBytes anonBytes cacheBytes swapBytes swapLimitBytes oomKills limitHits pressureSomeUs pressureFullUs',
  sched: 'usageUs userUs systemUs limitCpus weight cpus periods throttledPeriods throttledUs pressureSomeUs',
  io: 'readBytes writeBytes readOps writeOps pressureSomeUs',
  pids: 'current limit peak denied',
} as const;
const KINDS = Object.keys(STATS_KEYS) as Array<keyof typeof STATS_KEYS>;
const INSPECT_KEYS = 'name id kind state pid command createdAt startedAt labels spec subsystems'.split(' ');
const sorted = (keys: readonly string[]): string[] => [...keys].sort();
const keysOf = (value: unknown): string[] => sorted(Object.keys(value as object));

const everything = requires('root', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids', 'cgroup-io');

describe('load, exec and rm', () => {
  everything('each of 4 kinds stands alone: one subsystem, no process, state created', async () => {
    const flags = { vm: ['--mem', '64M'], sched: ['--cpu', '50%'], io: [], pids: ['--pids', '9'] };
    for (const kind of KINDS) {
      expect(await compart('load', kind, '--name', kind, ...flags[kind])).toEqual({
        ...DONE,
        stdout: `${kind}\n`,
      });
      const { state, pid, command, subsystems } = await inspect(kind);
      expect({ state, pid, command, kinds: Object.keys(subsystems) }).toEqual({
        state: 'created',
        pid: null,
        command: null,
        kinds: [kind],
      });
    }
    expect(processesBelow(sandbox.current.base)).toEqual([]);
    expect(await compart('rm', ...KINDS)).toEqual(DONE);
    expect(groupsBelow(sandbox.current.base)).toEqual([]);
  });

  everything(
    'a second load adds pids to vm, a third of the same kind is ERR_COMPART_EXISTS, exec is held by both',
    async () => {
      await compart('load', 'vm', '--name', 'job', '--mem', '64M');
      await compart('load', 'pids', '--name', 'job', '--pids', '5');
      expect(keysOf((await inspect('job')).subsystems)).toEqual(['pids', 'vm']);
      expect(await refusal('load', 'vm', '--name', 'job', '--mem', '1G')).toMatchObject({
        status: 125,
        code: 'ERR_COMPART_EXISTS',
        message: '"job" has vm already',
      });
      expect(await compart('exec', 'job', '--', 'sh', '-c', 'cat; exit 3')).toMatchObject({ status: 3 });
      expect((await compart('exec', 'job', '--', ...hog(100))).status).toBe(137);
      const { subsystems } = await inspect('job');
      expect(subsystems.vm.stats).toMatchObject({ oomKills: 1, limitBytes: 64 * 2 ** 20 });
      expect(subsystems.pids.stats).toMatchObject({ limit: 5, current: 0 });
      expect(await compart('rm', 'job')).toEqual(DONE);
    },
  );

  requires('root')(
    'rm refuses with ERR_COMPART_BUSY while a process runs, --force removes, and again is ERR_COMPART_NOT_FOUND',
    async () => {
      await detach('job', [], 'sleep', '60');
      expect(await refusal('rm', 'job')).toMatchObject({ status: 125, code: 'ERR_COMPART_BUSY' });
      expect((await inspect('job')).state).toBe('running');
      expect(await refusal('load', 'vm', '--name', 'job')).toMatchObject({
        status: 125,
        code: 'ERR_COMPART_EXISTS',
      });
      expect(await compart('rm', '--force', 'job')).toEqual(DONE);
      expect(await refusal('rm', 'job')).toMatchObject({ status: 125, code: 'ERR_COMPART_NOT_FOUND' });
    },
  );

  requires('root')('--keep leaves it empty and exited, exec works in it, rm takes it away', async () => {
    expect(
      (await compart('run', '--keep', '--name', 'job', '--', 'sh', '-c', 'sleep 60 & exit 3')).status,
    ).toBe(3);
    expect(await inspect('job')).toMatchObject({ state: 'exited', pid: null });
    expect(processesBelow(sandbox.current.base)).toEqual([]);
    expect(await compart('exec', 'job', 'echo', 'again')).toEqual({ ...DONE, stdout: 'again\n' });
    expect(await compart('rm', 'job')).toEqual(DONE);
  });
});

describe('freeze, thaw and kill', () => {
  requires('root')('a frozen counter stands still for 500 ms and counts on when thawed', async () => {
    const file = `${sandbox.current.dir}/count`;
    await detach('job', [], 'sh', '-c', `while :; do echo >>${file}; sleep 0.01; done`);
    const count = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    await until('it counts', () => count() > 5);
    expect(await compart('freeze', 'job')).toEqual(DONE);
    const frozenAt = count();
    expect((await inspect('job')).state).toBe('frozen');
    await delay(500);
    expect(count()).toBe(frozenAt);
    expect(await compart('exec', 'job', 'true')).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/frozen/),
    });
    expect(await compart('thaw', 'job')).toEqual(DONE);
    await until('it counts on', () => count() > frozenAt + 5);
    expect((await inspect('job')).state).toBe('running');
    await compart('freeze', 'job');
    expect(await compart('kill', 'job')).toEqual(DONE);
    expect(processesBelow(sandbox.current.base)).toEqual([]);
    await gone('job');
  });

  requires('root')(
    'kill --signal TERM reaches each of 3 processes, and what they trap decides: status 7',
    async () => {
      const script =
        'trap "echo got; exit 7" TERM; sh -c "trap \\"echo child; exit\\" TERM; while :; do sleep 0.02; done" & echo up; while :; do sleep 0.02; done';
      await detach('job', [], 'sh', '-c', script);
      await until(
        'it is up',
        async () =>
          processesBelow(sandbox.current.base).length >= 3 &&
          (await compart('logs', 'job')).stdout === 'up\n',
      );
      await delay(100);
      expect(await compart('kill', 'job', '--signal', 'TERM')).toEqual(DONE);
      await gone('job');
      expect((await history()).at(-1)).toMatchObject({
        name: 'job',
        exitCode: 7,
        signal: null,
        verdict: 'failed',
      });
      expect((await compart('logs', 'job')).stdout.split('\n')).toEqual(
        expect.arrayContaining(['up', 'got', 'child']),
      );
      expect(await refusal('kill', 'job', '--signal', 'NOPE')).toMatchObject({ status: 2 });
    },
  );
});

describe('the JSON of ps, stats, inspect and history', () => {
  everything('has exactly the keys of docs/cli.md', async () => {
    await detach(
      'job',
      ['--mem', '64M', '--cpu', '50%', '--pids', '20', '--label', 'team=web'],
      'sleep',
      '60',
    );
    const inspected = await inspect('job');
    expect(keysOf(inspected)).toEqual(sorted(INSPECT_KEYS));
    expect(inspected).toMatchObject({
      kind: 'compartment',
      state: 'running',
      command: ['sleep', '60'],
      labels: { team: 'web' },
    });
    const [listed] = await sandbox.current.json<Inspection[]>(['ps']);
    expect(keysOf(listed)).toEqual(sorted(INSPECT_KEYS.filter((key) => key !== 'spec')));
    const [stats] = await sandbox.current.json<Stats[]>(['stats', 'job']);
    expect(keysOf(stats)).toEqual(sorted(['name', ...KINDS]));
    await compart('rm', '--force', 'job');
    const [record] = await history();
    const RECORD_KEYS = 'name command startedAt endedAt wallUs exitCode signal verdict limitHit stats'.split(
      ' ',
    );
    expect(keysOf(record)).toEqual(expect.arrayContaining(RECORD_KEYS));
    for (const kind of KINDS) {
      const keys = sorted(STATS_KEYS[kind].split(' '));
      expect(keysOf(inspected.subsystems[kind].stats)).toEqual(keys);
      expect(keysOf(stats?.[kind])).toEqual(keys);
      expect(keysOf(record?.stats[kind])).toEqual(keys);
      expect(inspected.subsystems[kind]).toMatchObject({
        driver: expect.stringMatching(/^cgroup[12]$/),
        enforced: true,
      });
    }
  });

  everything('limits are under the same keys as in stats, with the same values', async () => {
    await detach('job', ['--mem', '64M', '--cpu', '50%', '--pids', '20'], 'sleep', '60');
    const { subsystems } = await inspect('job');
    await compart('rm', '--force', 'job');
    for (const kind of ['vm', 'sched', 'pids'] as const)
      expect(subsystems[kind].stats).toMatchObject(subsystems[kind].limits);
    expect(subsystems.vm.limits).toMatchObject({ limitBytes: 64 * 2 ** 20, swapLimitBytes: 0 });
  });

  requires('root', 'cgroup-memory')(
    'tables have the same rows for people, and history tells ok, failed and oom in order',
    async () => {
      await compart('run', '--name', 'a', 'true');
      await compart('run', '--name', 'b', 'false');
      await compart('run', '--name', 'c', '--mem', '64M', '--', ...hog(100));
      expect((await history()).map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
        'a ok',
        'b failed',
        'c oom',
      ]);
      expect((await compart('history')).stdout.trim().split('\n')).toHaveLength(4);
      await detach('job', ['--mem', '64M'], 'sleep', '60');
      expect((await compart('ps')).stdout).toMatch(
        /^NAME +KIND +STATE .*\njob +compartment +running +\d+ .*64 MiB.*sleep 60\n$/,
      );
      expect((await compart('stats')).stdout).toMatch(/^NAME .*\njob .*\n$/);
      await compart('rm', '--force', 'job');
    },
  );
});

describe('events, logs, --detach and --timeout', () => {
  requires('root', 'cgroup-memory')(
    'events --json tells of an oom, a changed limit and the exit',
    async () => {
      await detach('job', ['--mem', '64M'], 'sleep', '60');
      const events = sandbox.current.start(['events', '--json']);
      let text = '';
      events.stdout?.on('data', (piece: Buffer) => (text += piece.toString()));
      await delay(800);
      await compart('exec', 'job', '--', ...hog(100));
      await compart('set', 'job', '--mem', '96M');
      await until('oom and limit', () => /"oom"/.test(text) && /"limit"/.test(text));
      await compart('kill', 'job');
      await until('the exit', () => /"exit"/.test(text));
      events.kill('SIGTERM');
      expect((await events).exitCode).toBe(0);
      const seen = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { name: string; event: string; detail: Record<string, unknown> });
      expect(seen.every(({ name }) => name === 'job')).toBe(true);
      expect(seen.find(({ event }) => event === 'oom')?.detail).toEqual({ oomKills: 1 });
      expect(JSON.stringify(seen.find(({ event }) => event === 'limit')?.detail)).toContain(
        String(96 * 2 ** 20),
      );
      expect(seen.find(({ event }) => event === 'exit')?.detail).toMatchObject({
        signal: 'SIGKILL',
        verdict: 'oom',
        limitHit: 'vm',
      });
    },
  );

  requires('root')(
    'logs shows what came so far, --follow goes on to the end, and it stays readable',
    async () => {
      const go = `${sandbox.current.dir}/go`;
      await detach(
        'job',
        [],
        'sh',
        '-c',
        `echo one; echo two >&2; while [ ! -e ${go} ]; do sleep 0.02; done; echo three; sleep 0.3; printf four`,
      );
      await until('two lines', async () => (await compart('logs', 'job')).stdout === 'one\ntwo\n');
      const follower = sandbox.current.start(['logs', 'job', '--follow']);
      await delay(300);
      await execa('touch', [go]);
      expect(await follower).toMatchObject({ exitCode: 0, stdout: 'one\ntwo\nthree\nfour', stderr: '' });
      await gone('job');
      expect((await compart('logs', 'job')).stdout).toBe('one\ntwo\nthree\nfour');
      expect(await compart('logs', 'never')).toMatchObject({ status: 125 });
    },
  );

  requires('root')('--detach with --timeout 500ms ends with verdict timeout', async () => {
    await detach('job', ['--timeout', '500ms'], 'sleep', '60');
    await gone('job');
    expect((await history()).at(-1)).toMatchObject({
      name: 'job',
      verdict: 'timeout',
      limitHit: null,
      signal: 'SIGTERM',
    });
  });
});

describe('doctor, --best-effort, completion and help', () => {
  interface Diagnosis {
    ok: boolean;
    subsystems: Array<{
      kind: string;
      driver: string | null;
      refusals: Array<Record<'flag' | 'why' | 'mend', string>>;
    }>;
  }

  requires('root', 'cgroup-memory')(
    'doctor names each of 4 kinds, and a flag it lacks is refused, or let pass with --best-effort',
    async () => {
      const { status, stdout } = await compart('doctor', '--json');
      const { ok, subsystems } = JSON.parse(stdout) as Diagnosis;
      expect(subsystems.map(({ kind }) => kind)).toEqual(KINDS);
      expect(status === 0).toBe(ok);
      const text = (await compart('doctor')).stdout;
      const lacking = subsystems.flatMap(({ refusals }) => refusals);
      for (const { flag, why, mend } of lacking) expect(text).toContain(`${flag}: ${why}\n  mend: ${mend}`);
      const refused = lacking.find(({ flag }) => flag === '--mem-high' || flag === '--swap');
      if (refused === undefined) return;
      const command = ['--mem', '64M', refused.flag, '32M', '--name', 'job'];
      const marker = `${sandbox.current.dir}/ran`;
      const { status: failed, stderr: error } = await compart(
        'run',
        '--json',
        ...command,
        '--',
        'touch',
        marker,
      );
      expect(failed).toBe(125);
      expect(JSON.parse(error)).toMatchObject({
        error: { code: 'ERR_COMPART_UNSUPPORTED', hint: expect.stringContaining(refused.mend) },
      });
      expect(statSync(marker, { throwIfNoEntry: false })).toBeUndefined();
      const { status: started, stderr } = await compart(
        'run',
        '-d',
        '--best-effort',
        ...command,
        '--',
        'sleep',
        '60',
      );
      expect({ started, lines: ownLines(stderr) }).toEqual({
        started: 0,
        lines: [`compart: warning: ${refused.flag} is not enforced: ${refused.why}`],
      });
      const { vm } = (await inspect('job')).subsystems;
      expect(vm).toMatchObject({
        enforced: false,
        notEnforced: [refused.flag],
        stats: { limitBytes: 64 * 2 ** 20 },
      });
      await compart('rm', '--force', 'job');
    },
  );

  requires('bash')(
    'completion for bash defines compart, and it completes verbs, flags, kinds and names',
    async () => {
      const env = { ...sandbox.current.env, COMP_TEST: COMPART };
      const script = 'source <("$COMP_TEST" completion bash); complete -p compart';
      const { stdout } = await execa('bash', ['-c', script], { env });
      expect(stdout).toMatch(/^complete .*-F \S+ compart$/);
      const words = async (...line: string[]): Promise<string[]> =>
        (await compart('--get-yargs-completions', 'compart', ...line)).stdout.trim().split('\n');
      expect(await words('un')).toEqual(['unload']);
      expect(await words('run', '--mem')).toEqual(['--mem', '--mem-high']);
      expect(await words('load', '')).toEqual(KINDS);
      await detach('job', [], 'sleep', '60');
      expect(await words('rm', 'j')).toEqual(['job']);
      await compart('rm', '--force', 'job');
    },
  );

  requires('root')('--help of every verb, and of compart, fits 50 lines and has two examples', async () => {
    const pages = Object.entries(VERBS).flatMap(([name, { hidden }]) => (hidden ? [] : [[name]]));
    for (const page of [[], ...pages]) {
      const { status, stdout, stderr } = await compart(...page, '--help');
      expect({ page, status, stderr }).toEqual({ page, status: 0, stderr: '' });
      expect(stdout.split('\n').length).toBeLessThanOrEqual(50);
      const examples = /^Examples:\n((?: {2}.*\n)+)/m.exec(stdout)?.[1] ?? '';
      expect(examples.match(/^ {2}(?:\S.*\W)?compart /gm)).toHaveLength(2);
    }
    expect(JSON.parse(readFileSync('package.json', 'utf8'))).toMatchObject({
      version: (await compart('--version')).stdout.trim().split(' ')[1],
    });
  });
});
