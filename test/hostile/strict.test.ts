import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import type { Escape } from '../../src/state/escapes.js';
import { Escapees, leave, leaveQuoted, memoryRoot, roots } from '../support/escapes.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { ownLines, runs, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { processesBelow, useSandbox } from '../support/sandbox.js';
import type { ExitRecord, Inspection } from '../support/shapes.js';
import { verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const escapees = new Escapees(sandbox);
const { compart, history, detach } = verbsIn(sandbox);
const it = requires('root', 'groups', 'cgroup-memory', 'cgroup-pids');
const inParts = requires('root', 'groups', 'cgroup-memory', 'cgroup-v1');

type Ended = ExitRecord & { escaped?: Escape[] };

/** Shell: leaves every group, in a process that has lost its parent and its session, and lives on. */
const leaveAsDaemon = (): string => `( (${leave(roots())}; exec setsid sleep ${escapees.mark}) & )`;

describe('--strict', () => {
  inParts('kills what leaves one limit, says so, and lets the others go on', async () => {
    await escapees.listening(async (heard) => {
      const escape = `sh -c "${leaveQuoted([memoryRoot()])}; sleep ${escapees.mark}; echo no"`;
      const { status, stdout, stderr } = await compart(
        ...['run', '--strict', '--name', 'held', '--', 'sh', '-c', `${escape}; echo ended $?`],
      );
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'ended 137\n' });
      expect(ownLines(stderr)).toEqual([
        'compart: held: 2 processes killed that had left the compartment (--strict): sh, sleep',
      ]);
      const [ended] = (await history()) as Ended[];
      expect(ended?.escaped).toMatchObject([
        { command: 'sh', left: ['memory'] },
        { command: 'sleep', left: ['memory'] },
      ]);
      await until('2 events', () => heard('held').length === 2);
      expect(heard('held').every(({ left }) => String(left) === 'memory')).toBe(true);
    });
  });

  it.each([
    ['while the command runs', 'sleep 3'],
    ['at its end', 'sleep 0.2'],
  ])('kills what has left everything, its parents included: %s', async (_when, rest) => {
    const command = `${leaveAsDaemon()}; ${rest}`;
    const answer = sandbox.current.compart(['run', '--strict', '--name', 'far', '--', 'sh', '-c', command]);
    if (rest === 'sleep 3') {
      await until('the daemon', () => escapees.marked().length === 1);
      await until('its end', () => escapees.marked().length === 0, 2000);
      expect(await escapees.metric('compart_escapes_killed_total', 'far')).toBe(1);
    }
    const { status, stderr } = await answer;
    expect({ status, left: escapees.marked() }).toEqual({ status: 0, left: [] });
    expect(stderr).toBe('compart: far: 1 process killed that had left the compartment (--strict): sleep\n');
  });

  it.each(['cold', 'node', 'warm'])(
    'ends all of it when somebody kills the guard: planner %s',
    async (planner) => {
      if (planner === 'warm') await compart('warm');
      const command = ['sh', '-c', `sleep ${escapees.mark}; echo no`];
      const run = sandbox.current.start(['run', '--strict', '--name', 'bare', '--', ...command], {
        env: { COMPART_PLANNER: planner },
        reject: false,
      });
      await until('the command', () => escapees.marked().length === 1);
      await until('the guard', () => escapees.guards().length === 1);
      process.kill(escapees.guards()[0] ?? 0, 'SIGKILL');
      const { exitCode, stdout, stderr } = await run;
      expect({ exitCode, stdout, left: escapees.marked() }).toEqual({ exitCode: 137, stdout: '', left: [] });
      expect(ownLines(String(stderr))).toEqual([
        'compart: bare: ended with its guard, which somebody has killed (--strict)',
      ]);
      if (planner === 'warm') await compart('warm', '--stop');
    },
  );

  it('ends a detached command as well when somebody kills its guard', async () => {
    await detach('bare', ['--strict'], 'sleep', String(escapees.mark));
    await until('the guard', () => escapees.guards().length === 1);
    process.kill(escapees.guards()[0] ?? 0, 'SIGKILL');
    await until('the record', async () => (await history()).length > 0);
    expect(await history()).toMatchObject([{ name: 'bare', verdict: 'killed', signal: 'SIGKILL' }]);
    expect(escapees.marked()).toEqual([]);
  });

  it('does the same for a detached command, whose end by --timeout is its own', async () => {
    const flags = ['--strict', '--timeout', '1500ms'];
    await detach('far', flags, 'sh', '-c', `${leaveAsDaemon()}; sleep 100`);
    await until('the daemon', () => escapees.marked().length === 1);
    await until('its end', () => escapees.marked().length === 0, 1400);
    const [ended] = (await until('the record', async () => {
      const records = await history();
      return records.length > 0 && records;
    })) as Ended[];
    expect(ended).toMatchObject({ verdict: 'timeout', escaped: [{ command: 'sleep' }] });
    expect(ended?.escaped).toHaveLength(1);
  });

  it('kills the command itself, and all its children, where it leaves', async () => {
    const command = `sleep ${escapees.mark} & ${leave(roots())}; sleep ${escapees.mark} & wait`;
    const { status } = await compart('run', '--strict', '--name', 'gone', '--', 'sh', '-c', command);
    expect({ status, left: escapees.marked(), below: processesBelow(sandbox.current.base) }).toEqual({
      status: 137,
      left: [],
      below: [],
    });
  });

  it('kills a process that somebody moves out of what was loaded, as long as that is there', async () => {
    expect((await compart('load', 'vm', '--name', 'kept', '--mem', '256M', '--strict')).status).toBe(0);
    const shell = spawn('sh', ['-c', `sleep ${escapees.mark} & wait; exec sleep ${escapees.mark}`], {
      stdio: 'ignore',
    });
    const pid = await until('the child', () => escapees.marked()[0]);
    await compart('attach', 'kept', String(shell.pid));
    for (const file of roots()) writeFileSync(file, String(pid));
    await until('its end', () => !runs(pid), 3000);
    await until('the next', () => escapees.marked().length === 1);
    expect(await escapees.of('kept')).toEqual([]);
    expect(escapees.guards()).toHaveLength(1);
    expect((await compart('unload', 'kept')).status).toBe(0);
    await until('the end of the guard', () => escapees.guards().length === 0);
    expect(escapees.marked()).toEqual([shell.pid]);
    shell.kill('SIGKILL');
    await until('its end', () => escapees.marked().length === 0);
  });

  it('does so for what a compart.yaml says is strict: a command and what is loaded alone', async () => {
    const file = `${sandbox.current.dir}/compart.yaml`;
    const command = JSON.stringify(['sh', '-c', `${leaveAsDaemon()}; sleep 100`]);
    const entries = [`far: {strict: true, command: ${command}}`, 'kept: {strict: true, pids: 100}'];
    writeFileSync(file, `compartments:\n${entries.map((each) => `  ${each}\n`).join('')}`);
    expect(await compart('up', '-f', file)).toMatchObject({ status: 0 });
    expect(escapees.guards()).toHaveLength(2);
    await until('the daemon was killed', () => escapees.metric('compart_escapes_killed_total', 'far'));
    await until('it is gone', () => escapees.marked().length === 0);
    expect(await compart('down', '-f', file)).toMatchObject({ status: 0 });
  });

  it('touches nothing of an ordinary run, however it forks', async () => {
    const busy =
      'for i in 1 2 3 4 5 6 7 8; do (setsid sh -c "for j in 1 2 3 4 5 6 7 8 9; do sleep 0.05; done" & ) ; done; sleep 1';
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        compart('run', '--strict', '--name', `calm-${n}`, '--', 'sh', '-c', `${busy}; echo ${n}`),
      ),
    );
    expect(answers).toEqual([1, 2, 3, 4].map((n) => ({ status: 0, stdout: `${n}\n`, stderr: '' })));
    const timed = await compart('run', '--strict', '--timeout', '300ms', '--', 'sleep', '60');
    expect(timed).toMatchObject({ status: 124 });
    expect(timed.stderr).not.toContain('--strict');
  });

  requires(
    'root',
    'groups',
    'uml',
  )('holds the kernel of a guest that somebody moves', async () => {
    const boot = sandbox.current.compart(
      [
        'boot',
        ...KERNEL_FLAGS,
        '--strict',
        '--name',
        'vm',
        '--mem',
        '128M',
        '--',
        'sh',
        '-c',
        'echo up; sleep 30',
      ],
      { cwd: '/' },
    );
    const members = (): number[] => [...new Set(processesBelow(sandbox.current.base))];
    await until(
      'the guest',
      async () => (await sandbox.current.json<Inspection[]>(['ps']))[0]?.state === 'running',
    );
    expect(await escapees.of('vm')).toEqual([]);
    const kernel = await until(
      'its kernel',
      () =>
        members().find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'kernel\n') ?? members().at(-1),
    );
    for (const file of roots()) writeFileSync(file, String(kernel));
    const { status, stderr } = await boot;
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/killed that had left the compartment \(--strict\)/);
  });
});
