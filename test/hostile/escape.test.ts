import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { dirsOf } from '../support/crash.js';
import { Escapees, leave, leaveQuoted, memoryRoot, roots } from '../support/escapes.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import type { Inspection } from '../support/shapes.js';
import { verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const escapees = new Escapees(sandbox);
const { compart, inspect, detach } = verbsIn(sandbox);
const it = requires('root', 'groups', 'cgroup-memory', 'cgroup-pids');
const inParts = requires('root', 'groups', 'cgroup-memory', 'cgroup-v1');

describe('a process that has left groups of its compartment', () => {
  inParts('is marked, counted and told: the command leaves its memory limit alone', async () => {
    await escapees.listening(async (heard) => {
      await detach(
        'part',
        ['--mem', '64M'],
        'sh',
        '-c',
        `${leave([memoryRoot()])}; sleep ${escapees.mark} & wait`,
      );
      await until('2 escapes', async () => (await escapees.of('part')).length === 2);
      const { pid } = await inspect('part');
      expect(await escapees.of('part')).toMatchObject([
        { pid, command: 'sh', left: ['memory'] },
        { command: 'sleep', left: ['memory'] },
      ]);
      const { stdout } = await compart('ps');
      expect(stdout).toMatch(/^part +compartment +running, 2 escaped /m);
      expect(await escapees.metric('compart_escaped_processes', 'part')).toBe(2);
      expect(await escapees.metric('compart_escapes_killed_total', 'part')).toBe(0);
      await until('2 events', () => heard('part').length === 2);
      expect(heard('part')).toContainEqual({
        pid,
        command: 'sh',
        left: ['memory'],
        killed: false,
      });
      // Once each, however long they stay.
      await compart('ps');
      expect(heard('part')).toHaveLength(2);
      await compart('rm', '--force', 'part');
    });
  });

  it('is seen where it left all of them, the command and its child of a member alike', async () => {
    const child = `sh -c "${leaveQuoted(roots())}; exec sleep ${escapees.mark}" & wait`;
    await detach('child', [], 'sh', '-c', child);
    await detach('whole', [], 'sh', '-c', `${leave(roots())}; exec sleep ${escapees.mark}`);
    await until(
      'an escape of each',
      async () => (await escapees.of('child')).length + (await escapees.of('whole')).length === 2,
    );
    const { pid, state } = await inspect('whole');
    expect(state).toBe('created');
    expect(await escapees.of('whole')).toMatchObject([{ pid, command: 'sleep' }]);
    expect((await escapees.of('child'))[0]?.left.length).toBe((await escapees.of('whole'))[0]?.left.length);
    for (const one of escapees.marked()) process.kill(one, 'SIGKILL');
    await until('their end', async () => (await sandbox.current.json<Inspection[]>(['ps'])).length === 0);
  });

  it('is seen where somebody outside has moved it', async () => {
    await detach('moved', [], 'sh', '-c', `sleep ${escapees.mark} & wait`);
    const pid = await until('the child', () => escapees.marked()[0]);
    expect(await escapees.of('moved')).toEqual([]);
    for (const file of roots()) writeFileSync(file, String(pid));
    expect(await escapees.of('moved')).toMatchObject([{ pid, command: 'sleep' }]);
    await compart('rm', '--force', 'moved');
    process.kill(pid, 'SIGKILL');
    await until('its end', () => escapees.marked().length === 0);
  });

  requires(
    'root',
    'groups',
    'cgroup-v1',
    'cgroup-memory',
    'python3',
  )('is seen where one of its threads has left', async () => {
    const threads =
      'import threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); time.sleep(60)';
    await detach('threads', [], 'python3', '-c', threads);
    const pid = (await inspect('threads')).pid ?? 0;
    const thread = await until('a thread', () =>
      readdirSync(`/proc/${pid}/task`).find((one) => one !== String(pid)),
    );
    expect(await escapees.of('threads')).toEqual([]);
    writeFileSync(memoryRoot().replace('cgroup.procs', 'tasks'), thread);
    expect(await escapees.of('threads')).toMatchObject([{ pid, left: ['memory'] }]);
    await compart('rm', '--force', 'threads');
  });

  it('is nobody of an ordinary life: exec, attach, a second subsystem, children that come and go', async () => {
    await compart('load', 'vm', '--name', 'calm', '--mem', '256M');
    const shell = spawn('sh', ['-c', `while :; do sleep 0.01; done & exec sleep ${escapees.mark}`], {
      stdio: 'ignore',
    });
    await escapees.listening(async (heard) => {
      await compart('attach', 'calm', String(shell.pid));
      await detach('busy', [], 'sh', '-c', 'while :; do (sleep 0.01 &); sleep 0.01; done');
      for (let turn = 0; turn < 10; turn += 1) {
        await compart('exec', 'calm', 'sh', '-c', 'sleep 0.05 & sleep 0.05');
        expect(await sandbox.current.json<Inspection[]>(['ps'])).toEqual([
          expect.not.objectContaining({ escaped: expect.anything() as unknown }),
          expect.not.objectContaining({ escaped: expect.anything() as unknown }),
        ]);
      }
      await compart('load', 'pids', '--name', 'calm', '--pids', '100');
      await compart('unload', 'calm/vm');
      expect(await escapees.of('calm')).toEqual([]);
      expect([...heard('calm'), ...heard('busy')]).toEqual([]);
      await compart('rm', '--force', 'calm', 'busy');
    });
  });

  inParts(
    'is no child that was forked while attach moved its parent, in some groups already: it is taken along',
    async () => {
      await compart('load', 'vm', '--name', 'calm', '--mem', '256M');
      const script = `sleep ${escapees.mark} & echo $!; exec sleep ${escapees.mark}`;
      const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
      const child = String(await once(shell.stdout, 'data')).trim();
      const dirs = dirsOf(sandbox.current, 'calm');
      writeFileSync(`${dirs[0]}/cgroup.procs`, child);
      await compart('attach', 'calm', String(shell.pid));
      for (const dir of dirs)
        expect(readFileSync(`${dir}/cgroup.procs`, 'utf8').split('\n')).toContain(child);
      expect(await escapees.of('calm')).toEqual([]);
      await compart('rm', '--force', 'calm');
    },
  );
});
