import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { PERIOD_MS, shareOf, type Share } from '../support/busy.js';
import { makeDiskDir, makeUncachedFile, onDisk } from '../support/disk.js';
import { BUSY_LOOP, hog, MIB, PYTHON, runs, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer, Inspection, SchedStats } from '../support/shapes.js';

const sandbox = useSandbox();

/** For a machine that has other work to leave it alone for some seconds. */
const PATIENCE_MS = 120_000;

const inspect = (): Promise<Inspection> => sandbox.current.json(['inspect', 'job']);
const set = (...flags: string[]): Promise<Answer> => sandbox.current.compart(['set', 'job', ...flags]);
const exec = (...command: string[]): Promise<Answer> =>
  sandbox.current.compart(['exec', 'job', '--', ...command]);
const remove = (): Promise<Answer> => sandbox.current.compart(['rm', '--force', 'job']);

/** Changes limits and expects no word about it. */
async function change(...flags: string[]): Promise<void> {
  expect(await set(...flags)).toEqual({ status: 0, stdout: '', stderr: '' });
}

async function startJob(flags: string[], command: readonly string[]): Promise<void> {
  const { status, stderr } = await sandbox.current.compart([
    'run',
    '-d',
    '--name',
    'job',
    ...flags,
    '--',
    ...command,
  ]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

/** What the job uses of a CPU for a while from now on. */
async function shareWithin(seconds: number): Promise<Share> {
  const times = [performance.now()];
  const look = async (): Promise<SchedStats> => {
    const { stats } = (await inspect()).subsystems.sched;
    times.push(performance.now());
    return stats;
  };
  const before = await look();
  await delay(seconds * 1000);
  times.push(performance.now());
  const after = await look();
  const [begun = 0, looked = 0, waited = 0, ended = 0] = times;
  const share = shareOf(after, before);
  // The kernel's periods are those of everybody's clock.
  expect(share.periods * PERIOD_MS).toBeGreaterThan(waited - looked - 2 * PERIOD_MS);
  expect(share.periods * PERIOD_MS).toBeLessThan(ended - begun + 2 * PERIOD_MS);
  return share;
}

/** What `set` answers when it fails, and the error in it. */
async function refusal(...flags: string[]): Promise<ErrorAnswer['error'] & { status: number }> {
  const { status, stdout, stderr } = await set('--json', ...flags);
  expect(stdout).toBe('');
  return { status, ...(JSON.parse(stderr) as ErrorAnswer).error };
}

describe('compart set on a running compartment', () => {
  requires(
    'groups',
    'cgroup-memory',
    'python3',
  )('--mem 64M to 160M lets 100 MiB live, back to 80M kills 100 MiB', async () => {
    await startJob(['--mem', '64M'], ['sleep', '60']);
    expect((await exec(...hog(100))).status).toBe(137);
    await change('--mem', '160M');
    expect(await exec(...hog(100))).toMatchObject({ status: 0, stdout: 'held\n' });
    await change('--mem', '80M');
    expect((await exec(...hog(100))).status).toBe(137);
    const { limits, stats } = (await inspect()).subsystems.vm;
    expect(limits).toMatchObject({ limitBytes: 80 * MIB });
    expect(stats).toMatchObject({ limitBytes: 80 * MIB, swapLimitBytes: 0, oomKills: 2 });
    await change('--mem', 'max');
    expect((await inspect()).subsystems.vm.stats).toMatchObject({ limitBytes: null, swapLimitBytes: null });
    await remove();
  });

  requires('groups', 'cgroup-cpu')(
    '--cpu 20% to 60% to 30% moves the use of a busy loop within 3 points each',
    async () => {
      await startJob(['--cpu', '20%'], BUSY_LOOP);
      const expectAbout = async (wanted: number): Promise<void> => {
        // Where others want the only CPU it may not come to all that it may have: then no period is cut short.
        const seen = await until(
          'it is held back in most periods',
          async () => {
            const share = await shareWithin(3);
            expect(share.percent).toBeLessThan(wanted + 3);
            return share.throttled > 0.5 ? share : null;
          },
          PATIENCE_MS,
        );
        expect(seen.percent).toBeGreaterThan(wanted * seen.throttled - 3);
      };
      await expectAbout(20);
      await change('--cpu', '60%');
      await expectAbout(60);
      await change('--cpu', '30%');
      await expectAbout(30);
      expect((await inspect()).subsystems.sched.limits).toMatchObject({ limitCpus: 0.3 });
      await change('--cpu', 'max');
      expect((await inspect()).subsystems.sched.stats.limitCpus).toBeNull();
      await remove();
    },
    4 * PATIENCE_MS,
  );

  requires('groups', 'cgroup-cpu')('--cpu-weight 100 to 300 to 50 is what inspect reads back', async () => {
    await startJob(['--cpu-weight', '100', '--cpu', '50%'], ['sleep', '60']);
    for (const weight of [300, 50, 100]) {
      await change('--cpu-weight', String(weight));
      expect((await inspect()).subsystems.sched.stats).toMatchObject({ weight, limitCpus: 0.5 });
    }
    await remove();
  });

  requires(
    'groups',
    'cgroup-cpuset',
    'two-cpus',
    'nproc',
  )('--cpus 0 to 0-1 to 1 moves what runs: nproc 1, 2 and 1', async () => {
    await startJob(['--cpus', '0'], ['sleep', '60']);
    const allowed = async (): Promise<string> => {
      const { pid } = await inspect();
      return (
        execFileSync('taskset', ['-cp', String(pid)], { encoding: 'utf8' })
          .trim()
          .split(': ')[1] ?? ''
      );
    };
    for (const [cpus, count, list] of [
      ['0', '1', '0'],
      ['0-1', '2', '0,1'],
      ['1', '1', '1'],
    ] as const) {
      await change('--cpus', cpus);
      expect((await exec('nproc')).stdout.trim()).toBe(count);
      expect([list, cpus]).toContain(await allowed());
    }
    await remove();
  });

  requires(
    'groups',
    'cgroup-pids',
    'python3',
  )('--pids 10 to 30 to 15 lets 9, 29 and 14 more tasks be', async () => {
    await startJob(['--pids', '10'], ['sleep', '60']);
    const forks =
      'import os, signal\nkids = []\ntry:\n  while len(kids) < 100:\n    pid = os.fork()\n    if pid == 0: signal.pause()\n    kids.append(pid)\nexcept OSError: pass\nprint(1 + len(kids))\nfor pid in kids: os.kill(pid, 9); os.waitpid(pid, 0)';
    const tasks = async (): Promise<number> => Number((await exec(PYTHON, '-c', forks)).stdout);
    expect(await tasks()).toBe(9);
    await change('--pids', '30');
    expect(await tasks()).toBe(29);
    await change('--pids', '15');
    expect(await tasks()).toBe(14);
    await change('--pids', 'max');
    expect((await inspect()).subsystems.pids.limits).toEqual({ limit: null });
    expect(await tasks()).toBe(101);
    await remove();
  });

  const disk = onDisk();
  (disk === null
    ? requires('a block device under the temporary directory')
    : requires('groups', 'cgroup-io', 'dd'))(
    '--io-write 10MB/s to 40MB/s to 20MB/s moves what dd gets within 10%',
    async () => {
      const device = disk?.device ?? '';
      const dir = makeDiskDir(disk?.dir ?? '.');
      await startJob(['--io-write', `${device}=10MB/s`], ['sleep', '60']);
      const dd = ['dd', 'if=/dev/zero', `of=${dir}/file`, 'bs=500k', 'oflag=direct', 'conv=notrunc'];
      for (const rate of [10, 40, 20]) {
        await change('--io-write', `${device}=${rate}MB/s`);
        const { stderr } = await exec('env', 'LC_ALL=C', ...dd, `count=${rate * 4}`);
        const [, bytes, seconds] = /^(\d+) bytes .*copied, ([\d.]+) s/m.exec(stderr) ?? [];
        const megabytesPerSecond = Number(bytes) / Number(seconds) / 1e6;
        expect(megabytesPerSecond).toBeGreaterThan(rate * 0.9);
        expect(megabytesPerSecond).toBeLessThan(rate * 1.1);
      }
      await change('--io-write', `${device}=max`);
      const { limits } = (await inspect()).subsystems.io;
      expect(JSON.stringify(limits)).not.toMatch(/[1-9]\d{6}/);
      rmSync(dir, { recursive: true });
      await remove();
    },
  );
});

describe('compart set --mem below what is in use', () => {
  requires('groups', 'cgroup-memory')(
    '128M with 200 MiB of page cache reclaims it and is accepted',
    async () => {
      const file = `${sandbox.current.dir}/file`;
      makeUncachedFile(file, 200);
      await startJob(['--mem', '512M'], ['sh', '-c', `cat ${file} >/dev/null; exec sleep 60`]);
      await until(
        '150 MiB of page cache',
        async () => (await inspect()).subsystems.vm.stats.cacheBytes > 150 * MIB,
      );
      await change('--mem', '128M');
      const { state, subsystems } = await inspect();
      expect(state).toBe('running');
      expect(subsystems.vm.stats).toMatchObject({ limitBytes: 128 * MIB, oomKills: 0 });
      expect(subsystems.vm.stats.usageBytes).toBeLessThanOrEqual(128 * MIB);
      await remove();
    },
  );

  requires(
    'groups',
    'cgroup-memory',
    'python3',
  )(
    '64M with 150 MiB of anonymous memory is refused: ERR_COMPART_BUSY, 256M stays, the process lives',
    async () => {
      await startJob(['--mem', '256M'], hog(150, 60));
      await until(
        'the hog holds it',
        async () => (await sandbox.current.compart(['logs', 'job'])).stdout === 'held\n',
      );
      const { status, code, message, hint } = await refusal('--mem', '64M');
      expect({ status, code }).toEqual({ status: 125, code: 'ERR_COMPART_BUSY' });
      expect(message).toMatch(
        /^cannot lower --mem to 64 MiB: 1\d\d(\.\d)? MiB is in use and cannot be reclaimed; the limit stays 256 MiB$/,
      );
      expect(hint).toBe('end some of its processes first, or give it --swap');
      const { pid, state, subsystems } = await inspect();
      expect(state).toBe('running');
      expect(runs(pid ?? 0)).toBe(true);
      expect(subsystems.vm.stats).toMatchObject({ limitBytes: 256 * MIB, swapLimitBytes: 0, oomKills: 0 });
      await change('--mem', '200M');
      await remove();
    },
  );
});

describe('compart set refuses', () => {
  requires('groups', 'cgroup-memory')(
    'a limit of a kind that is not loaded, with 125 and how to load it',
    async () => {
      await sandbox.current.compart(['load', 'vm', '--name', 'job', '--mem', '64M']);
      expect(await refusal('--pids', '5')).toEqual({
        status: 125,
        code: 'ERR_COMPART_NOT_FOUND',
        message: '"job" has no pids loaded',
        hint: 'add it: compart load pids --name job',
      });
      await remove();
    },
  );

  requires('groups')('no limit at all with 2, and a name that is not there with 125', async () => {
    expect(await refusal('--mem', '64M')).toMatchObject({ status: 125, code: 'ERR_COMPART_NOT_FOUND' });
    await startJob([], ['sleep', '60']);
    expect(await refusal()).toMatchObject({ status: 2, code: 'ERR_COMPART_USAGE' });
    await remove();
  });

  requires(
    'groups',
    'cgroup-memory',
    'cgroup-cpu',
    'cgroup-pids',
  )('two limits of which one is wrong with 2, and neither is changed', async () => {
    await startJob(['--mem', '128M', '--cpu', '50%', '--pids', '50'], ['sleep', '60']);
    const before = await inspect();
    for (const flags of [
      ['--mem', '96M', '--cpu', '99999%'],
      ['--mem', '96M', '--cpus', '4000'],
      ['--cpu', '20%', '--mem', '1k'],
      ['--mem', '96M', '--pids', '0'],
    ]) {
      expect(await refusal(...flags)).toMatchObject({ status: 2, code: 'ERR_COMPART_USAGE' });
    }
    const after = await inspect();
    expect(after.subsystems.vm.limits).toEqual(before.subsystems.vm.limits);
    expect(after.subsystems.sched.limits).toEqual(before.subsystems.sched.limits);
    await remove();
  });
});
