import { readFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { dirsOf } from '../support/crash.js';
import { makeUncachedFile } from '../support/disk.js';
import { BUSY_LOOP, hog, MIB, runs, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import type { SchedStats, VmStats } from '../support/shapes.js';
import { useTold } from '../support/told.js';
import { DONE, verbsIn } from '../support/verbs.js';

/** What only a kernel does whose controllers are all in one hierarchy, that of v2. */
const ALONE = ['groups', 'cgroup v2 alone'];
const sandbox = useSandbox();
const { compart, inspect, detach } = verbsIn(sandbox);
const watching = useTold();

const fileOf = (name: string, file: string): string => `${dirsOf(sandbox.current, name)[0] ?? ''}/${file}`;
const textOf = (name: string, file: string): string => readFileSync(fileOf(name, file), 'utf8').trim();
const pidsOf = (name: string): number[] =>
  textOf(name, 'cgroup.procs').split('\n').filter(Boolean).map(Number);
/** A number of memory.events. */
const eventsOf = (name: string, key: string): number =>
  Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(textOf(name, 'memory.events'))?.[1]);
const memoryOf = async (name: string): Promise<VmStats> => (await inspect(name)).subsystems.vm.stats;
const cpuOf = async (name: string): Promise<SchedStats> => (await inspect(name)).subsystems.sched.stats;
const saidBy = async (name: string): Promise<string> => (await compart('logs', name)).stdout;
const remove = async (name: string): Promise<void> =>
  expect(await compart('rm', '--force', name)).toEqual(DONE);

describe('memory.high', () => {
  const test = requires(...ALONE, 'cgroup-memory', 'python3');

  test('holds back what wants more and kills nothing; it goes on when the limit is raised', async () => {
    await detach('job', ['--mem', '512M', '--mem-high', '32M'], ...hog(200, 1000));
    const pid = (await inspect('job')).pid ?? 0;
    await until('the kernel holds it back', () => eventsOf('job', 'high') > 50);
    await until('it waits', async () => ((await memoryOf('job')).pressureFullUs ?? 0) > 0);
    const held = await memoryOf('job');
    expect(held).toMatchObject({ highBytes: 32 * MIB, limitBytes: 512 * MIB, oomKills: 0, limitHits: 0 });
    expect(held.usageBytes).toBeLessThan(150 * MIB);
    expect({ runs: runs(pid), said: await saidBy('job') }).toEqual({ runs: true, said: '' });
    expect(await compart('set', 'job', '--mem-high', 'max')).toEqual(DONE);
    await until('all of it', async () => (await saidBy('job')) === 'held\n');
    expect(await memoryOf('job')).toMatchObject({ highBytes: null, oomKills: 0, limitHits: 0 });
    await remove('job');
  });

  test('keeps page cache below it, at no cost but that of reading anew', async () => {
    const file = `${sandbox.current.dir}/file`;
    makeUncachedFile(file, 100);
    const script = `cat ${file} ${file} > /dev/null; echo read; exec sleep 1000`;
    await detach('job', ['--mem', '512M', '--mem-high', '32M'], 'sh', '-c', script);
    await until('all of it', async () => (await saidBy('job')) === 'read\n');
    expect((await memoryOf('job')).usageBytes).toBeLessThan(36 * MIB);
    expect(await memoryOf('job')).toMatchObject({ oomKills: 0, limitHits: 0 });
    expect(eventsOf('job', 'high')).toBeGreaterThan(0);
    await remove('job');
  });
});

describe('memory.events', () => {
  requires(
    ...ALONE,
    'cgroup-memory',
    'python3',
  )('counts what inspect tells, and inotify tells whoever watches that it has', async () => {
    await compart('load', 'vm', '--name', 'job', '--mem', '64M');
    const told = watching(fileOf('job', 'memory.events'));
    expect((await compart('exec', 'job', '--', ...hog(30))).status).toBe(0);
    expect({ told: told.count, kills: eventsOf('job', 'oom_kill') }).toEqual({ told: 0, kills: 0 });
    for (const kills of [1, 2]) {
      const before = told.count;
      expect((await compart('exec', 'job', '--', ...hog(100))).status).toBe(137);
      await until('word of it', () => told.count > before);
      expect(eventsOf('job', 'oom_kill')).toBe(kills);
      const { oomKills, limitHits } = await memoryOf('job');
      expect({ oomKills, limitHits }).toEqual({ oomKills: kills, limitHits: eventsOf('job', 'max') });
      expect(limitHits).toBeGreaterThan(0);
    }
    await remove('job');
  });
});

describe('pressure', () => {
  requires(...ALONE, 'cgroup-cpu')(
    'of the CPU is how long two loops waited that share a fifth of one',
    async () => {
      const two = `${BUSY_LOOP[2]} & ${BUSY_LOOP[2]}`;
      await detach('job', ['--cpu', '20%'], 'sh', '-c', two);
      await detach('calm', ['--cpu', '20%'], 'sleep', '1000');
      const before = await cpuOf('job');
      await until('200 ms of work', async () => (await cpuOf('job')).usageUs - before.usageUs > 200_000);
      const after = await cpuOf('job');
      // Whenever one runs, the other waits, and while both are held back both do.
      const waited = (after.pressureSomeUs ?? 0) - (before.pressureSomeUs ?? 0);
      expect(waited).toBeGreaterThan((after.usageUs - before.usageUs) / 2);
      expect((await cpuOf('calm')).pressureSomeUs ?? Infinity).toBeLessThan(waited / 2);
      await remove('job');
      await remove('calm');
    },
  );
});

describe('cgroup.kill', () => {
  // Nobody else may watch a file that can only be written to.
  requires(...ALONE, 'root')('is what ends 50 processes of rm --force, in one write', async () => {
    const script = 'i=0; while [ $i -lt 50 ]; do sleep 1000 & i=$((i + 1)); done; wait';
    await detach('job', [], 'sh', '-c', script);
    const pids = await until('51 processes', () => {
      const found = pidsOf('job');
      return found.length === 51 ? found : null;
    });
    const told = watching(fileOf('job', 'cgroup.kill'));
    await remove('job');
    expect(told.count).toBeGreaterThan(0);
    expect(pids.filter(runs)).toEqual([]);
  });
});

describe('a command', () => {
  // Of an ordinary user under systemd it is the manager that moves the command.
  requires(...ALONE, 'root')('is born in its group: nobody has to write it into cgroup.procs', async () => {
    await compart('load', 'vm', '--name', 'job', '--mem', '64M');
    const told = watching(fileOf('job', 'cgroup.procs'));
    const { status, stdout } = await compart('exec', 'job', '--', 'cat', '/proc/self/cgroup');
    expect({ status, group: stdout }).toEqual({ status: 0, group: `0::${sandbox.current.base}/job\n` });
    expect(told.count).toBe(0);
    await remove('job');
  });
});
