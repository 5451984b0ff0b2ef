import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { binary, launch, type Launched, plan, start, until, withFolder } from './launcher.js';

const sh = (script: string): string[] => ['/bin/sh', '-c', script];

/** Records of an argv that appends its last argument to a file. */
const note = (key: 'finish' | 'expire', file: string, ...more: string[]): string[] =>
  [...sh(`echo "$#:$1" >> ${file}`), 'sh', ...more].map((arg) => `${key}=${arg}`);

const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

const state = (pid: number): string =>
  read(`/proc/${String(pid)}/stat`)
    .replace(/^.*\) /s, '')
    .slice(0, 1);

const parentOf = (pid: number): number =>
  Number(/^PPid:\t(\d+)$/m.exec(read(`/proc/${String(pid)}/status`))?.[1]);

async function pidOf(launched: Launched): Promise<number> {
  const [, pid] = await launched.says(/^pid (\d+)\n(?:ready\n)?exec\n$/);
  return Number(pid);
}

describe('monitor=1', () => {
  it.each([
    ['exit 0', '1:exited:0\n'],
    ['exit 3', '1:exited:3\n'],
    ['kill -KILL $$', '1:signaled:9\n'],
  ])('runs finish after "%s" with %j', (script, noted) =>
    withFolder(async (folder) => {
      const out = join(folder, 'finish');
      const ended = await launch(plan('monitor=1', ...note('finish', out)), sh(script), {
        during: async (launched) => {
          await pidOf(launched);
          launched.result.end();
        },
      });
      expect(read(out)).toBe(noted);
      expect(ended.code).toBe(0);
    }),
  );

  it('ends as the command did when there is no finish', async () => {
    const during = (launched: Launched): void => void launched.result.end();
    expect((await launch(plan('monitor=1'), sh('exit 7'), { during })).code).toBe(7);
    expect((await launch(plan('monitor=1'), sh('kill -TERM $$'), { during })).code).toBe(143);
  });

  it('appends its word after the arguments of finish, be they empty', () =>
    withFolder(async (folder) => {
      const out = join(folder, 'finish');
      const records = [...sh(`printf '<%s>' "$@" > ${out}`), 'sh', 'a b', ''].map((arg) => `finish=${arg}`);
      await launch(plan('monitor=1', ...records), ['true'], {
        during: (launched) => void launched.result.end(),
      });
      expect(read(out)).toBe('<a b><><exited:0>');
    }));

  it('keeps the ended command unreaped and finish waiting until the peer closes', () =>
    withFolder(async (folder) => {
      const out = join(folder, 'finish');
      await launch(plan('monitor=1', ...note('finish', out)), ['true'], {
        during: async (launched) => {
          const pid = await pidOf(launched);
          await until(() => state(pid) === 'Z');
          launched.result.write('a word is not a farewell');
          await sleep(100);
          expect([state(pid), read(out)]).toEqual(['Z', '']);
          launched.result.end();
          await until(() => read(out));
          expect(existsSync(`/proc/${String(pid)}`)).toBe(false);
        },
      });
    }));

  it('is a session leader apart, named, at /, with nothing of the caller’s open', async () => {
    await launch(plan('monitor=1', 'setsid=1'), ['sleep', '60'], {
      during: async (launched) => {
        const pid = await pidOf(launched);
        const proc = `/proc/${String(launched.pid)}`;
        expect(parentOf(pid)).toBe(launched.pid);
        expect(read(`${proc}/comm`)).toBe('compart-monitor\n');
        expect(readlinkSync(`${proc}/cwd`)).toBe('/');
        const sessions = [launched.pid, pid].map((id) => read(`/proc/${String(id)}/stat`).split(' ')[5]);
        expect(sessions).toEqual([String(launched.pid), String(pid)]);
        const open = readdirSync(`${proc}/fd`).map((fd) => readlinkSync(`${proc}/fd/${fd}`));
        expect(open.map((target) => target.replace(/\d+/, 'N')).sort()).toEqual([
          '/dev/null',
          '/dev/null',
          '/dev/null',
          'anon_inode:[signalfd]',
          'socket:[N]',
        ]);
        launched.result.end();
        process.kill(pid, 'SIGKILL');
      },
    });
  });

  it('leaves output, error and descriptor 5 to the command', async () => {
    const launched = start(plan('monitor=1'), sh('echo out; echo err >&2; echo five >&5'));
    launched.result.end();
    expect(await launched.ended).toMatchObject({ code: 0, stdout: 'out\n', stderr: 'err\n' });
    expect(launched.text('extra')).toBe('five\n');
  });

  it('gives a command whose input and output came closed /dev/null, not a pipe of its own', async () => {
    const program = [...sh('exec "$0" "$@" <&- >&-'), binary];
    const script = 'open=$(readlink /proc/$$/fd/0 /proc/$$/fd/1); echo "$open" >&2';
    const { stderr } = await launch(plan('monitor=1'), sh(script), {
      program,
      during: (launched) => void launched.result.end(),
    });
    expect(stderr).toBe('/dev/null\n/dev/null\n');
  });

  it('passes SIGTERM on to the command and outlives SIGHUP, SIGINT and SIGQUIT', () =>
    withFolder(async (folder) => {
      const out = join(folder, 'finish');
      await launch(plan('monitor=1', ...note('finish', out)), ['sleep', '60'], {
        during: async (launched) => {
          const pid = await pidOf(launched);
          for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT'] as const) launched.child.kill(signal);
          launched.result.end();
          await sleep(100);
          expect(state(pid)).toBe('S');
          launched.child.kill('SIGTERM');
        },
      });
      expect(read(out)).toBe('1:signaled:15\n');
    }));

  it('starts the command, finish and expire with default signals and none blocked', () =>
    withFolder(async (folder) => {
      const grep = (name: string): string[] =>
        sh(`grep -hE '^Sig(Blk|Ign)' /proc/self/status > ${join(folder, name)}`);
      const records = [
        ...grep('finish').map((arg) => `finish=${arg}`),
        ...grep('expire').map((arg) => `expire=${arg}`),
      ];
      const command = sh(`${grep('command')[2] ?? ''}; sleep 1`);
      await launch(plan('monitor=1', 'timeout_ms=50', ...records), command, {
        during: (launched) => void launched.result.end(),
      });
      for (const name of ['command', 'expire', 'finish'])
        expect(read(join(folder, name))).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
    }));
});

describe('a timeout', () => {
  it('runs expire once, no sooner than 200 ms after the exec, and goes on waiting', () =>
    withFolder(async (folder) => {
      const [out, late] = [join(folder, 'finish'), join(folder, 'expire')];
      const records = ['timeout_ms=200', ...note('finish', out), ...note('expire', late, 'now')];
      const began = performance.now();
      await launch(plan('monitor=1', ...records), sh('sleep 1; exit 5'), {
        during: async (launched) => {
          launched.result.end();
          await until(() => read(late));
          expect(performance.now() - began).toBeGreaterThanOrEqual(200);
          expect(read(out)).toBe('');
        },
      });
      expect([read(late), read(out)]).toEqual(['1:now\n', '1:exited:5\n']);
    }));

  it('runs out while the peer still listens', () =>
    withFolder(async (folder) => {
      const late = join(folder, 'expire');
      await launch(plan('monitor=1', 'timeout_ms=50', ...note('expire', late)), ['sleep', '60'], {
        during: async (launched) => {
          const pid = await pidOf(launched);
          await until(() => read(late));
          process.kill(pid, 'SIGKILL');
          launched.result.end();
        },
      });
    }));

  it('does nothing to a command that ended before it', () =>
    withFolder(async (folder) => {
      const late = join(folder, 'expire');
      await launch(plan('monitor=1', 'timeout_ms=100', ...note('expire', late)), ['true'], {
        during: async (launched) => {
          await pidOf(launched);
          await sleep(250);
          launched.result.end();
        },
      });
      expect(read(late)).toBe('');
    }));

  it('leaves the command alone when the expire command cannot be run', async () => {
    const ended = await launch(
      plan('monitor=1', 'timeout_ms=50', 'expire=/nonexistent'),
      sh('sleep 0.3; exit 4'),
      { during: (launched) => void launched.result.end() },
    );
    expect(ended.code).toBe(4);
  });
});

describe('a monitored command that never is', () => {
  it.each([
    ['/nonexistent', 'workdir=/', 127, 'fail exec 2 /nonexistent\n'],
    ['/', 'workdir=/', 126, 'fail exec 13 /\n'],
    ['true', 'workdir=/nonexistent', 125, 'fail workdir 2 /nonexistent\n'],
  ])('(%s, %s) ends the monitor with %i and no finish', (command, record, code, result) =>
    withFolder(async (folder) => {
      const out = join(folder, 'finish');
      const ended = await launch(plan('monitor=1', record, ...note('finish', out)), [command]);
      expect(ended).toMatchObject({ code, result });
      expect(read(out)).toBe('');
    }),
  );

  it('is reported when it is killed while on hold', async () => {
    const ended = await launch(plan('monitor=1', 'hold=1'), ['true'], {
      during: async (launched) => {
        const [, pid] = await launched.says(/^pid (\d+)\nready\n$/);
        process.kill(Number(pid), 'SIGKILL');
      },
    });
    expect(ended.code).toBe(137);
    expect(ended.result).toMatch(/^pid \d+\nready\nfail exec 10 killed before the exec\n$/);
  });

  it('ends with 125 when the peer goes away while it is on hold', async () => {
    const ended = await launch(plan('monitor=1', 'hold=1'), sh('echo ran'), {
      during: async (launched) => {
        await launched.says(/ready/);
        launched.result.destroy();
      },
    });
    expect(ended).toMatchObject({ code: 125, stdout: '', stderr: '' });
  });
});

describe('monitor=1 with hold=1', () => {
  it('holds the command, not the monitor, and tells its pid once', async () => {
    const ended = await launch(plan('monitor=1', 'hold=1'), sh('echo $$'), {
      during: async (launched) => {
        const [, pid] = await launched.says(/^pid (\d+)\nready\n$/);
        expect(parentOf(Number(pid))).toBe(launched.pid);
        launched.result.write('g');
        expect(await pidOf(launched)).toBe(Number(pid));
        launched.result.end();
      },
    });
    expect(ended.stdout).toBe(`${/\d+/.exec(ended.result)?.[0] ?? ''}\n`);
  });
});
