import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { VERBS } from '../../src/cli/verbs.js';
import { leave, roots } from '../support/escapes.js';
import { hog, ownLines, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, groupsBelow, processesBelow, useSandbox } from '../support/sandbox.js';
import { ALL_KINDS, keysOf, KINDS } from '../support/shapes.js';
import { DONE, verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const { compart, inspect, history, detach, gone, refusal } = verbsIn(sandbox);
const everything = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids', 'cgroup-io');

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

  requires('groups')(
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

  requires('groups')(
    'rm --force has left neither process, group nor state when it returns, 12 times in a row',
    async () => {
      const { base, state } = sandbox.current;
      for (let n = 1; n <= 12; n += 1) {
        await detach('job', [], 'sleep', '60');
        expect(await compart('rm', '--force', 'job')).toEqual(DONE);
        const left = [...processesBelow(base), ...groupsBelow(base), ...readdirSync(`${state}/compartments`)];
        expect({ n, left }).toEqual({ n, left: [] });
      }
    },
  );

  requires('groups')('rm --force of many tries each, and says of the first that is not there', async () => {
    const { base, state } = sandbox.current;
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await detach(name, [], 'sleep', '60');
    expect(await compart('rm', '--force', 'a', 'none', 'b', 'a', 'never', 'c', 'd')).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('no compartment named "none"'),
    });
    expect([...processesBelow(base), ...groupsBelow(base), ...readdirSync(`${state}/compartments`)]).toEqual(
      [],
    );
  });

  requires('groups')('--keep leaves it empty and exited, exec works in it, rm takes it away', async () => {
    expect(
      (await compart('run', '--keep', '--name', 'job', '--', 'sh', '-c', 'sleep 60 & exit 3')).status,
    ).toBe(3);
    expect(await inspect('job')).toMatchObject({ state: 'exited', pid: null });
    expect(processesBelow(sandbox.current.base)).toEqual([]);
    expect(await compart('exec', 'job', 'echo', 'again')).toEqual({ ...DONE, stdout: 'again\n' });
    expect(await compart('rm', 'job')).toEqual(DONE);
  });

  requires('groups')('a kill is of what runs: the next command lives', async () => {
    expect(await compart('load', 'vm', '--name', 'job')).toMatchObject({ status: 0 });
    for (const word of ['one', 'two']) {
      expect(await compart('exec', 'job', '--', 'sh', '-c', `sleep 60 >&- 2>&- & echo ${word}`)).toEqual({
        ...DONE,
        stdout: `${word}\n`,
      });
      expect(await compart('kill', 'job')).toEqual(DONE);
    }
    expect(await compart('rm', 'job')).toEqual(DONE);
  });
});

describe('freeze, thaw and kill', () => {
  requires('groups')('a frozen counter stands still for 500 ms and counts on when thawed', async () => {
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

  requires('groups')(
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

  requires('root', 'groups')(
    'kill --signal TERM reaches the command where it is in none of its groups, as one is that has just been started',
    async () => {
      await detach('job', [], 'sh', '-c', `${leave(roots())}; echo out; exec sleep 1000`);
      await until('it is out', async () => (await compart('logs', 'job')).stdout === 'out\n');
      expect(processesBelow(sandbox.current.base)).toEqual([]);
      expect(await compart('kill', 'job', '--signal', 'TERM')).toEqual(DONE);
      await gone('job');
      expect((await history()).at(-1)).toMatchObject({ name: 'job', signal: 'SIGTERM', verdict: 'killed' });
    },
  );
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

  requires('groups', 'cgroup-memory')(
    'doctor names each of 5 kinds, and a flag it lacks is refused, or let pass with --best-effort',
    async () => {
      const { status, stdout } = await compart('doctor', '--json');
      const { ok, subsystems } = JSON.parse(stdout) as Diagnosis;
      expect(subsystems.map(({ kind }) => kind)).toEqual(ALL_KINDS);
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
      expect(await words('load', '')).toEqual(ALL_KINDS);
      await detach('job', [], 'sleep', '60');
      expect(await words('rm', 'j')).toEqual(['job']);
      await compart('rm', '--force', 'job');
    },
  );

  requires('groups')('--help of every verb, and of compart, fits 50 lines and has two examples', async () => {
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
