import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { dirsOf, numbersFrom, processesOf, Steps } from '../support/crash.js';
import { diskFilesOf, useGuests, withGuests as it } from '../support/guests.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { useNetwork } from '../support/network.js';
import { until } from '../support/programs.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const { boot, detach, sh, remove } = useGuests(sandbox);
useNetwork();

const MOMENTS = 6;
const STEPPED = [...KERNEL_FLAGS, '--name', 'victim', '--mem', '64M', '--swap', '16M', '--pids', '20'];
const next = numbersFrom(5);

/** Whose end, of what was started how. `-d` has a monitor, the foreground a front and its planner. */
interface Victim {
  what: string;
  detached: boolean;
  /** Does this command line, in words, belong to it? */
  is: (words: string[]) => boolean;
}
const program =
  (name: string) =>
  (words: string[]): boolean =>
    (words[0] ?? '').endsWith(`/${name}`);
const VICTIMS: Victim[] = [
  { what: 'the front', detached: false, is: program('compart') },
  {
    what: 'the planner',
    detached: false,
    is: (words) => words.slice(0, 2).some((word) => /\/(planner|compart\.js)$/.test(word)),
  },
  { what: 'the keeper', detached: false, is: program('compart-guest') },
  { what: 'the keeper of a detached one', detached: true, is: program('compart-guest') },
  { what: 'the monitor', detached: true, is: program('compart-launch') },
];

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

/** The first of its kind: the keeper is the parent of its kernel, which has the same words for a moment. */
const find = (victim: Victim, others: readonly number[]): number | undefined =>
  processesOf(sandbox.current).find((pid) => !others.includes(pid) && victim.is(wordsOf(pid)));

const mounts = (): number => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;

/** What is left of the victim, anywhere; the guest beside it is not looked at. */
const remains = (others: readonly number[]): Record<string, string[]> => ({
  dirs: dirsOf(sandbox.current, 'victim'),
  state: readdirSync(`${sandbox.current.state}/compartments`).filter((name) => name !== 'beside'),
  files: diskFilesOf('victim'),
  processes: processesOf(sandbox.current)
    .filter((pid) => !others.includes(pid))
    .map((pid) => wordsOf(pid).join(' ')),
});

describe('kill -9 in the life of a guest', () => {
  let beside: number[];
  let mounted: number;
  beforeEach(async () => {
    await detach('beside', '--mem', '96M');
    beside = processesOf(sandbox.current);
    mounted = mounts();
  });
  afterEach(async () => {
    expect(await sh('beside', 'echo lives')).toBe('lives');
    await remove('beside');
  });

  /** A process of compart's own may outlive the guest by a moment: it gives an address back. */
  const nothing = async (): Promise<void> => {
    const isEmpty = (): boolean => Object.values(remains(beside)).every((list) => list.length === 0);
    await until('nothing is left', isEmpty).catch(() => undefined);
    expect(remains(beside)).toEqual({ dirs: [], state: [], files: [], processes: [] });
  };

  it.each(VICTIMS)('of $what at ' + String(MOMENTS) + ' moments: gc leaves nothing of it', async (victim) => {
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      const flags = [
        '--name',
        'victim',
        '--mem',
        '64M',
        '--swap',
        '16M',
        ...(moment % 2 === 0 ? ['--net', '10mbit'] : []),
      ];
      const words = [...(victim.detached ? ['-d'] : []), ...flags, '--', 'sh', '-c', 'sleep 100'];
      const subprocess = sandbox.current.start(['boot', ...KERNEL_FLAGS, ...words], {
        stdout: 'ignore',
        stderr: 'ignore',
      });
      const pid = await until(victim.what, () => find(victim, beside));
      await delay(Math.floor(next() * 700));
      process.kill(pid, 'SIGKILL');
      if (victim.what !== 'the monitor') await subprocess;
      else await delay(300);
      await sandbox.current.compart(['gc']);
      await nothing();
      await subprocess;
    }
    expect(mounts()).toBe(mounted);
    expect(await boot(['--name', 'victim', '--mem', '64M', '--', 'true'])).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  it.each([
    ['boot', false, ['boot', ...STEPPED, '--', 'true']],
    ['boot, by its planner,', true, ['boot', ...STEPPED, '--', 'true']],
    ['boot -d', false, ['boot', '-d', ...STEPPED]],
  ])(
    'before each single change that %s makes: gc leaves nothing of it, or a guest that can be removed',
    async (what, planner, args) => {
      const { compart } = sandbox.current;
      const steps = new Steps(sandbox.current);
      const count = await steps.count(args);
      await compart(['rm', '--force', 'victim']);
      for (let step = 1; step <= count; step += 1) {
        try {
          const end = await steps.dieAt(step, args, planner);
          if (step < count - 3) expect(end).toBeNull();
          expect(await compart(['gc'])).toMatchObject({ status: 0, stderr: '' });
          if (remains(beside).state?.length !== 0) {
            expect(args).toContain('-d');
            expect(await compart(['rm', '--force', 'victim'])).toMatchObject({ status: 0, stderr: '' });
          }
          await nothing();
        } catch (error) {
          throw new Error(`${what} killed before change ${step} of ${count}`, { cause: error });
        }
      }
      expect(mounts()).toBe(mounted);
    },
    240_000,
  );

  it('of its kernel: the rest ends by itself, without gc', async () => {
    const flags = ['--name', 'victim', '--mem', '64M', '--swap', '16M', '--net', '10mbit'];
    const subprocess = sandbox.current.start(['boot', ...KERNEL_FLAGS, ...flags, '--', 'sleep', '100'], {
      stderr: 'pipe',
    });
    const keeper = await until('the keeper', () =>
      find({ what: '', detached: false, is: program('compart-guest') }, beside),
    );
    const kernel = await until('the kernel', () => {
      const { stdout } = spawnSync('pgrep', ['-P', String(keeper)], { encoding: 'utf8' });
      return stdout === '' ? null : Number(stdout.split('\n')[0]);
    });
    await delay(300);
    process.kill(kernel, 'SIGKILL');
    const { exitCode, stderr } = await subprocess;
    expect(exitCode).toBe(137);
    expect(stderr).toMatch(/^compart: /);
    await nothing();
  });
});
