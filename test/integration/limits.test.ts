import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { shareOf, startBusy } from '../support/busy.js';
import { BUSY_LOOP, hog, MIB, ownLines, PYTHON, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { processesBelow, useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer, ExitRecord, Inspection, Stats } from '../support/shapes.js';

const sandbox = useSandbox();

/** Runs a command under limits; its answer and its exit record. */
async function run(flags: string[], command: readonly string[]): Promise<Answer & { record: ExitRecord }> {
  const report = `${sandbox.current.dir}/report.json`;
  const answer = await sandbox.current.compart(['run', ...flags, '--report', report, '--', ...command], {
    cwd: sandbox.current.dir,
  });
  return { ...answer, record: JSON.parse(readFileSync(report, 'utf8')) as ExitRecord };
}

const hostMemory = (key: string): number =>
  Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;

const withMemory = requires('groups', 'cgroup-memory', 'python3');

describe('--mem', () => {
  withMemory('64M kills a child that wants 200 MiB and spares its parent, which exits 0', async () => {
    const script = `"${PYTHON}" -c "x=bytearray(200<<20)"; echo parent lives`;
    const { status, stdout, stderr, record } = await run(
      ['--name', 'job', '--mem', '64M'],
      ['sh', '-c', script],
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'parent lives\n' });
    expect(ownLines(stderr)).toEqual([
      expect.stringMatching(
        /^compart: job: out of memory: 1 process killed at the 64 MiB limit \(--mem\), peak 6[34](\.\d)? MiB; try --mem 96M$/,
      ),
    ]);
    expect(record).toMatchObject({ verdict: 'oom', limitHit: 'vm', exitCode: 0, signal: null });
    expect(record.stats.vm).toMatchObject({ limitBytes: 64 * MIB, oomKills: 1 });
    expect(record.stats.vm.peakBytes).toBeLessThanOrEqual(64 * MIB);
  });

  withMemory('64M makes a 200 MiB command end with 137, verdict oom and one line on stderr', async () => {
    const { status, stdout, stderr, record } = await run(['--mem', '64M'], hog(200));
    expect({ status, stdout }).toEqual({ status: 137, stdout: '' });
    expect(record).toMatchObject({ verdict: 'oom', limitHit: 'vm', exitCode: null, signal: 'SIGKILL' });
    expect(stderr).toMatch(/^compart: .*: out of memory: 1 process killed at the 64 MiB limit .*\n$/);
  });

  withMemory('64M lets a 30 MiB command end with 0 and nothing on stderr', async () => {
    const { record, ...answer } = await run(['--mem', '64M'], hog(30));
    expect(answer).toEqual({ status: 0, stdout: 'held\n', stderr: '' });
    expect(record).toMatchObject({ verdict: 'ok', limitHit: null });
    expect(record.stats.vm.peakBytes).toBeGreaterThan(30 * MIB);
  });

  withMemory(
    '128M catches ten processes of 20 MiB as a tree: some die, some live, 128 MiB is never passed',
    async () => {
      // All hold their memory until one moment, however slowly they start; each one's status is said by one process,
      // since lines of ten may run into each other.
      const end = Date.now() / 1000 + 5;
      const each = `import time; x = bytearray(20 << 20); time.sleep(max(0, ${end} - time.time()))`;
      const script =
        'for n in 1 2 3 4 5 6 7 8 9 10; do "$@" & ids="$ids $!"; done; for id in $ids; do wait $id; echo $?; done';
      const { status, stdout, record } = await run(
        ['--mem', '128M'],
        ['sh', '-c', script, 'sh', PYTHON, '-c', each],
      );
      const statuses = stdout.trim().split('\n').sort();
      const survivors = statuses.filter((word) => word === '0').length;
      const killed = Array<string>(record.stats.vm.oomKills).fill('137');
      expect(status).toBe(0);
      expect(statuses).toEqual([...Array<string>(10 - killed.length).fill('0'), ...killed]);
      expect(record.verdict).toBe('oom');
      expect(record.stats.vm.oomKills).toBeGreaterThanOrEqual(4);
      expect(record.stats.vm.oomKills).toBeLessThanOrEqual(9);
      expect(survivors).toBeGreaterThanOrEqual(1);
      expect(record.stats.vm.peakBytes).toBeLessThanOrEqual(128 * MIB);
      expect(record.stats.vm.peakBytes).toBeGreaterThan(100 * MIB);
    },
  );

  requires('groups', 'cgroup-memory')(
    '128M lets 1 GiB be written and read twice: reclaim, no OOM, never above 128 MiB',
    async () => {
      const script =
        'dd if=/dev/zero of=big bs=1M count=1024 2>dd.err && cat big >/dev/null && cat big >/dev/null && wc -c <big';
      const { status, stdout, stderr, record } = await run(['--mem', '128M'], ['sh', '-c', script]);
      rmSync(`${sandbox.current.dir}/big`, { force: true });
      expect({ status, stdout: stdout.trim(), stderr }).toEqual({
        status: 0,
        stdout: String(1024 * MIB),
        stderr: '',
      });
      expect(record).toMatchObject({ verdict: 'ok', limitHit: null });
      expect(record.stats.vm.oomKills).toBe(0);
      expect(record.stats.vm.peakBytes).toBeLessThanOrEqual(128 * MIB);
      expect(record.stats.vm.peakBytes).toBeGreaterThan(100 * MIB);
      expect(hostMemory('MemAvailable')).toBeGreaterThan(1024 * MIB);
    },
  );

  requires('groups', 'cgroup-memory')(
    '64M counts in limitHits how often 200 MiB of page cache ran into it',
    async () => {
      const script = 'dd if=/dev/zero of=some bs=1M count=200 2>dd.err; rm some';
      const { record } = await run(['--mem', '64M'], ['sh', '-c', script]);
      expect(record.stats.vm).toMatchObject({ oomKills: 0, limitBytes: 64 * MIB });
      expect(record.stats.vm.limitHits).not.toBe(0);
    },
  );
});

describe('--swap', () => {
  const swapless =
    hostMemory('SwapTotal') === 0 ? requires('groups', 'cgroup-memory') : requires('root', 'no-swap');
  swapless(
    '64M is refused with 125 and the reason where the host has no swap, and nothing runs',
    async () => {
      const answer = await sandbox.current.compart([
        'run',
        '--json',
        '--mem',
        '64M',
        '--swap',
        '64M',
        '--',
        'echo',
        'ran',
      ]);
      expect({ ...answer, stderr: '' }).toEqual({ status: 125, stdout: '', stderr: '' });
      expect((JSON.parse(answer.stderr) as ErrorAnswer).error).toEqual({
        code: 'ERR_COMPART_UNSUPPORTED',
        message: '--swap cannot be enforced on this host: this host has no swap',
        hint: expect.stringContaining('swapon'),
      });
    },
  );

  requires(
    'root',
    'cgroup-memory',
    'python3',
    'swapon',
  )('64M on top of --mem 64M lets 110 MiB live, and --mem 64M alone does not', async () => {
    const file = `${sandbox.current.dir}/swapfile`;
    execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', 'count=256', 'status=none']);
    execFileSync('chmod', ['600', file]);
    execFileSync('mkswap', ['-q', file]);
    execFileSync('swapon', [file]);
    try {
      const swapped = await run(['--mem', '64M', '--swap', '64M'], hog(110));
      expect(swapped).toMatchObject({ status: 0, stdout: 'held\n', stderr: '' });
      expect(swapped.record.stats.vm).toMatchObject({
        limitBytes: 64 * MIB,
        swapLimitBytes: 64 * MIB,
        oomKills: 0,
      });
      const without = await run(['--mem', '64M'], hog(110));
      expect(without.status).toBe(137);
      expect(without.record.stats.vm.swapLimitBytes).toBe(0);
      expect((await run(['--mem', '64M', '--swap', '64M'], hog(200))).record.verdict).toBe('oom');
    } finally {
      execFileSync('swapoff', [file]);
    }
  });
});

describe('--cpu, --cpu-weight and --cpus', () => {
  requires('groups', 'cgroup-cpu')('50% holds 5 s of a busy loop to 48 to 52% of a CPU', async () => {
    const { status, record } = await run(['--cpu', '50%'], ['timeout', '5', ...BUSY_LOOP]);
    expect(status).toBe(124);
    expect(record.wallUs).toBeGreaterThan(4.9e6);
    const { sched } = record.stats;
    expect((100 * sched.usageUs) / record.wallUs).toBeLessThanOrEqual(52);
    const { percent, throttled } = shareOf(sched);
    expect(percent).toBeLessThanOrEqual(52);
    // Where others want the only CPU it may not come to all that it may have: then no period is cut short.
    expect(percent).toBeGreaterThanOrEqual(50 * throttled - 2);
    expect(record.stats.sched).toMatchObject({ limitCpus: 0.5 });
    expect(record.stats.sched.throttledPeriods).toBeGreaterThan(30);
  });

  requires(
    'groups',
    'cgroup-cpu',
    'cgroup-cpuset',
  )('weights 100 and 300 share one CPU 25 to 75 within 2 points', async () => {
    const { current } = sandbox;
    await startBusy(current, 'light', '100');
    await startBusy(current, 'heavy', '300');
    const usage = async (): Promise<number[]> =>
      (await current.json<Stats[]>(['stats', 'light', 'heavy'])).map(({ sched }) => sched.usageUs);
    const before = await usage();
    await delay(6000);
    const after = await usage();
    await current.compart(['rm', '--force', 'light', 'heavy']);
    const [light = 0, heavy = 0] = after.map((us, index) => us - (before[index] ?? 0));
    const share = (100 * light) / (light + heavy);
    expect(share).toBeGreaterThanOrEqual(23);
    expect(share).toBeLessThanOrEqual(27);
  });

  requires(
    'groups',
    'cgroup-cpuset',
    'two-cpus',
    'nproc',
  )('--cpus 0 gives nproc 1, and --cpus 0-1 gives 2', async () => {
    for (const [cpus, count] of [
      ['0', '1'],
      ['1', '1'],
      ['0-1', '2'],
    ] as const) {
      const { stdout, record } = await run(['--cpus', cpus], ['nproc']);
      expect(stdout.trim()).toBe(count);
      expect(record.stats.sched.cpus).toBe(cpus);
    }
  });
});

describe('--pids', () => {
  const FORK_BOMB = 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass';

  requires(
    'groups',
    'cgroup-pids',
    'python3',
  )('20 contains a fork bomb, the host stays usable, kill leaves nothing, verdict pids', async () => {
    const { current } = sandbox;
    const { base, dir } = current;
    const report = `${dir}/report.json`;
    const bomb = current.start([
      'run',
      '--name',
      'bomb',
      '--pids',
      '20',
      '--report',
      report,
      '--',
      PYTHON,
      '-c',
      FORK_BOMB,
    ]);
    const pids = await until('forks are refused', async () => {
      if (processesBelow(base).length < 20) return null;
      const { subsystems } = await current.json<Inspection>(['inspect', 'bomb']);
      return subsystems.pids.stats.denied > 1000 ? subsystems.pids.stats : null;
    });
    expect(pids).toMatchObject({ current: 20, limit: 20 });
    for (let n = 0; n < 20; n += 1) await execa('true');
    expect(await current.compart(['kill', 'bomb'])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(processesBelow(base)).toEqual([]);
    const { exitCode, stderr } = await bomb;
    expect(exitCode).toBe(137);
    expect(stderr).toMatch(
      /^compart: bomb: out of tasks: \d+ forks refused at the limit of 20 \(--pids\), peak 20; try --pids 40\n$/,
    );
    const record = JSON.parse(readFileSync(report, 'utf8')) as ExitRecord;
    expect(record).toMatchObject({ verdict: 'pids', limitHit: 'pids', signal: 'SIGKILL' });
  });

  requires('groups', 'cgroup-pids')('20 leaves a command of 10 tasks alone', async () => {
    const { status, record } = await run(
      ['--pids', '20'],
      ['sh', '-c', 'for n in 1 2 3 4 5 6 7 8 9; do sleep 0.2 & done; wait'],
    );
    expect(status).toBe(0);
    expect(record).toMatchObject({ verdict: 'ok', limitHit: null });
    expect(record.stats.pids).toMatchObject({ limit: 20, denied: 0 });
  });
});
