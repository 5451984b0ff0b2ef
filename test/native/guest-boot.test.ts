import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { tree, until, runs } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { Folder, withFolder } from './keeper.js';

const withGuests = requires('root', 'uml', 'ldd');
/** Has the kernel wait for 5 s before it looks for its root. */
const SLOW = 'rootdelay=5';
const seconds = async <T>(work: Promise<T>): Promise<{ result: T; took: number }> => {
  const began = performance.now();
  return { result: await work, took: (performance.now() - began) / 1000 };
};

describe('compart-guest boot', () => {
  withGuests('runs a command: stdout and stderr apart, status 7, and the guest stopped after it', async () => {
    await withFolder(async (folder) => {
      const script = 'uname -n; echo wrong >&2; exit 7';
      const { code, stdout, stderr } = await folder.boot(['sh', '-c', script]).ended;
      expect({ code, stdout: stdout.toString(), stderr }).toEqual({
        code: 7,
        stdout: 'guest\n',
        stderr: 'wrong\n',
      });
      expect(folder.file('guest.ending')).toEqual({
        ...{ reason: 'stopped', detail: '', status: '0' },
        ...{ oom_kills: '0', tasks_denied: '0' },
      });
      expect(existsSync(join(folder.state, 'guest.sock'))).toBe(false);
    });
  });

  withGuests('tells the stages of the boot in their order, in microseconds', async () => {
    await withFolder(async (folder) => {
      await folder.boot(['true']).ended;
      const report = folder.file('guest.report');
      const stages = ['spawn', 'kernel', 'init', 'hello', 'ready'].map((stage) => Number(report[`${stage}_us`]));
      expect(stages).toEqual([...stages].sort((a, b) => a - b));
      expect(stages[0]).toBeGreaterThan(0);
      expect(Math.abs(Number(report['started_at_ms']) - Date.now())).toBeLessThan(60_000);
    });
  });

  withGuests('passes 16 MiB of random bytes through cat unchanged', async () => {
    await withFolder(async (folder) => {
      const bytes = randomBytes(16 * 2 ** 20);
      const running = folder.boot(['cat']);
      running.child.stdin?.end(bytes);
      const { code, stdout } = await running.ended;
      expect(code).toBe(0);
      expect(stdout.equals(bytes)).toBe(true);
    });
  });

  withGuests.each([
    [['no-such-program'], 127, 'compart: no-such-program: command not found'],
    [['/etc/passwd'], 126, 'compart: cannot execute /etc/passwd: Permission denied'],
  ])('ends %j with %i and says why', async (command, status, line) => {
    await withFolder(async (folder) => {
      const { code, stderr } = await folder.boot(command).ended;
      expect(code).toBe(status);
      expect(stderr.split('\n')[0]).toBe(line);
    });
  });

  withGuests('a command killed by signal 15 ends it with 143', async () => {
    await withFolder(async (folder) => {
      expect((await folder.boot(['sh', '-c', 'kill -TERM $$']).ended).code).toBe(143);
    });
  });

  withGuests('hands SIGTERM to the command, whose trap decides: status 5', async () => {
    await withFolder(async (folder) => {
      const running = folder.boot(['sh', '-c', 'trap "echo asked; exit 5" TERM; echo there; sleep 60 & wait']);
      await until('a command', () => running.stdout === 'there\n');
      running.child.kill('SIGTERM');
      const { code, stdout } = await running.ended;
      expect(code).toBe(5);
      expect(stdout.toString()).toBe('there\nasked\n');
    });
  });

  withGuests('a command that wants more than the guest’s 128 MiB: 137, and its folder says who killed it', async () => {
    await withFolder(async (folder) => {
      const { code, stderr } = await folder.boot(['tail', '/dev/zero']).ended;
      expect(code).toBe(137);
      expect(stderr).toBe('');
      expect(folder.file('guest.ending')).toMatchObject({ reason: 'stopped', oom_kills: '1' });
    });
  });

  withGuests('SIGTERM before the guest is up ends it by that signal, and the guest with it', async () => {
    await withFolder(async (folder) => {
      const keeper = folder.boot(['true']);
      await until('a kernel', () => folder.file('guest.report')['spawn_us']);
      const pids = tree(keeper.child.pid ?? 0);
      keeper.child.kill('SIGTERM');
      expect((await keeper.ended).signal).toBe('SIGTERM');
      expect(pids.filter(runs)).toEqual([]);
      expect(folder.file('guest.ending')['reason']).toBe('killed');
    }, new Folder({ words: [SLOW] }));
  });

  withGuests('killed, takes all of the guest with it', async () => {
    await withFolder(async (folder) => {
      const keeper = await folder.up();
      const pids = tree(keeper.child.pid ?? 0);
      expect(pids.length).toBeGreaterThan(1);
      keeper.child.kill('SIGKILL');
      await until('the end of all', () => !pids.some(runs));
    });
  });

  withGuests('without a command ends with 0 on SIGTERM, the guest powered off within its 5 s', async () => {
    await withFolder(async (folder) => {
      const keeper = await folder.up();
      keeper.child.kill('SIGTERM');
      const { result, took } = await seconds(keeper.ended);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(took).toBeLessThan(5);
      expect(folder.file('guest.ending')).toMatchObject({ reason: 'stopped', status: '0' });
    });
  });

  withGuests('is asleep while the guest is idle: at most 2 ticks of CPU in 2 s', async () => {
    await withFolder(async (folder) => {
      const keeper = await folder.up();
      const ticks = (): number => {
        const stat = readFileSync(`/proc/${keeper.child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
        return Number(stat[11]) + Number(stat[12]);
      };
      const before = ticks();
      await new Promise((resolve) => setTimeout(resolve, 2000));
      expect(ticks() - before).toBeLessThanOrEqual(2);
    });
  });
});

describe('a guest that does not boot ends within 5 s, with 125 and a verdict:', () => {
  const verdict = async (folder: Folder, reason: string, detail: RegExp, status = 125): Promise<void> =>
    withFolder(async () => {
      const { result, took } = await seconds(folder.boot(['true']).ended);
      expect(took).toBeLessThan(5);
      expect(folder.file('guest.ending')['reason']).toBe(reason);
      expect(folder.file('guest.ending')['detail']).toMatch(detail);
      expect(result.code).toBe(status);
      expect(result.stderr).toMatch(detail);
      expect(result.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('compart: '))).toEqual([]);
    }, folder);

  withGuests('a panic, in the words of its kernel', async () =>
    verdict(new Folder({ words: ['init=/nowhere'] }), 'panic', /Requested init \/nowhere failed \(error -2\)/),
  );

  withGuests('a kernel that is no program', async () => {
    const folder = new Folder({ kernel: '/kernel' });
    writeFileSync(folder.path('garbage'), 'garbage\n', { mode: 0o755 });
    const boot = readFileSync(folder.path('boot'), 'utf8');
    const bind = `from=${folder.path('garbage')}\0ro=/kernel\0`;
    writeFileSync(folder.path('boot'), boot.replace(/end\0$/, `${bind}end\0`));
    await verdict(folder, 'kernel', /kernel: \/kernel: Exec format error/);
  });

  withGuests('one that takes longer than the 100 ms that it was given', async () =>
    verdict(new Folder({ boot: 100, words: [SLOW] }), 'boot-timeout', /hello within 100 ms/),
  );
});
