import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, realpathSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { binary, launch, plan, withFolder } from './launcher.js';

const sh = (script: string): string[] => ['/bin/sh', '-c', script];

describe('the command', () => {
  it('is exec’d in place, with its output, its exit code and nothing on the result descriptor', async () => {
    const ended = await launch(plan(), sh('echo $$; echo oops >&2; exit 42'), {
      during: ({ child }) => expect(child.pid).toBeGreaterThan(0),
    });
    expect(ended).toMatchObject({ code: 42, result: '', stderr: 'oops\n' });
  });

  it('keeps the pid of the launcher', async () => {
    let pid = 0;
    const ended = await launch(plan(), sh('echo $$'), {
      during: (launched) => {
        pid = launched.pid;
      },
    });
    expect(ended.stdout).toBe(`${String(pid)}\n`);
  });

  it('dies by a signal as itself', async () => {
    expect(await launch(plan(), sh('kill -KILL $$'))).toMatchObject({ signal: 'SIGKILL' });
  });

  it('inherits descriptor 5 and neither the plan nor the result descriptor', async () => {
    let extra = '';
    // The shell itself looks: for a pipe it would have two descriptors more for a moment.
    const look = 'for fd in 0 1 2 3 4 5; do [ -h /proc/$$/fd/$fd ] && echo $fd; done';
    const { stdout } = await launch(plan(), sh(`echo here >&5; ${look}`), {
      during: async (launched) => {
        await launched.ended;
        extra = launched.text('extra');
      },
    });
    expect(extra).toBe('here\n');
    expect(stdout.trim().split('\n')).toEqual(['0', '1', '2', '5']);
  });

  it('is run by /bin/sh when it is a script without an interpreter line', () =>
    withFolder(async (folder) => {
      const file = join(folder, 'script');
      writeFileSync(file, 'echo plain $1\n', { mode: 0o755 });
      expect((await launch(plan(), [file, 'arg'])).stdout).toBe('plain arg\n');
    }));
});

describe('an exec that fails', () => {
  const files = (folder: string): void => {
    writeFileSync(join(folder, 'lost'), '#!/nonexistent/interpreter\n', { mode: 0o755 });
    writeFileSync(join(folder, 'locked'), '#!/bin/sh\n', { mode: 0o644 });
    mkdirSync(join(folder, 'folder'));
  };
  const cases: [string, string, number, number][] = [
    ['a name that is nowhere in PATH', 'compart-no-such-command', 127, 2],
    ['a path that does not exist', 'DIR/none', 127, 2],
    ['a path through a file', 'DIR/locked/none', 127, 20],
    ['an empty name', '', 127, 2],
    ['a script whose interpreter is missing, by path', 'DIR/lost', 126, 2],
    ['a script whose interpreter is missing, by PATH', 'lost', 126, 2],
    ['a file that is not executable, by path', 'DIR/locked', 126, 13],
    ['a file that is not executable, by PATH', 'locked', 126, 13],
    ['a folder', 'DIR/folder', 126, 13],
  ];
  it.each(cases)('%s (%s) ends with %i and errno %i', (_name, command, code, errno) =>
    withFolder(async (folder) => {
      files(folder);
      const name = command.replace('DIR', folder);
      const ended = await launch(plan(`env=PATH=/usr/bin:${folder}`), [name]);
      expect(ended).toMatchObject({ code, result: `fail exec ${String(errno)} ${name}\n` });
      expect(ended.stdout + ended.stderr).toBe('');
    }),
  );

  it('replaces control characters and cuts the detail at 512 bytes', async () => {
    const ended = await launch(plan(), [`/a\nb\x1b\x7f${'x'.repeat(600)}`]);
    expect(ended.result).toBe(`fail exec 36 /a?b??${'x'.repeat(506)}\n`);
    expect(ended.code).toBe(125);
  });
});

describe('the usage', () => {
  it.each([
    [[]],
    [['3', '4', '--']],
    [['3', '4', 'x', 'true']],
    [['3', '3', '--', 'true']],
    [['0', '4', '--', 'true']],
    [['3', '-4', '--', 'true']],
    [['3', '4x', '--', 'true']],
    [['3', '99', '--', 'true']],
  ])('%j is refused with 125 and a word on stderr', (args) => {
    const ended = spawnSync(binary, args, { stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'pipe'] });
    expect(ended.status).toBe(125);
    expect(ended.stderr.toString()).toMatch(/^usage: |RESULTFD/);
  });
});

describe('the environment', () => {
  it('is changed in the order of the plan', async () => {
    const records = ['clearenv=1', 'env=A=1', 'env=B=x=y z', 'env=A=2', 'env=E=', 'env=C=3', 'unsetenv=C'];
    const { stdout } = await launch(plan(...records), ['/usr/bin/env']);
    expect(stdout.trim().split('\n').sort()).toEqual(['A=2', 'B=x=y z', 'E=']);
  });

  it('is the caller’s but for what the plan names', async () => {
    const env = { PATH: '/usr/bin:/bin', KEEP: '1', DROP: '1' };
    const { stdout } = await launch(plan('unsetenv=DROP', 'env=NEW=1'), ['env'], { env });
    expect(stdout.trim().split('\n').sort()).toEqual(['KEEP=1', 'NEW=1', 'PATH=/usr/bin:/bin']);
  });

  it('gives the PATH in which the command is sought', () =>
    withFolder(async (folder) => {
      const file = join(folder, 'only-here');
      writeFileSync(file, '#!/bin/sh\necho found\n');
      chmodSync(file, 0o755);
      expect((await launch(plan(`env=PATH=${folder}`), ['only-here'])).stdout).toBe('found\n');
    }));
});

describe('the process', () => {
  it('starts in workdir', () =>
    withFolder(async (folder) => {
      const { stdout } = await launch(plan(`workdir=${folder}`), ['pwd']);
      expect(stdout.trim()).toBe(realpathSync(folder));
    }));

  it('fails with the path when workdir is not there', async () => {
    expect(await launch(plan('workdir=/nonexistent/x'), ['true'])).toMatchObject({
      code: 125,
      result: 'fail workdir 2 /nonexistent/x\n',
    });
  });

  it('leads a session of its own with setsid=1 and not without', async () => {
    const script = sh('cut -d" " -f1,6 /proc/$$/stat');
    const led = (await launch(plan('setsid=1'), script)).stdout.trim().split(' ');
    const kept = (await launch(plan(), script)).stdout.trim().split(' ');
    expect(led[0]).toBe(led[1]);
    expect(kept[0]).not.toBe(kept[1]);
  });

  it.each([
    ['1', 'nnp=1'],
    ['0', 'unsetenv=NOTHING'],
  ])('has NoNewPrivs %s after %s', async (value, record) => {
    const { stdout } = await launch(plan(record), ['grep', 'NoNewPrivs', '/proc/self/status']);
    expect(stdout.split('\t')[1]?.trim()).toBe(value);
  });

  it('ignores the signals named and no other, whatever it inherits, and blocks none', async () => {
    const program = [...sh('trap "" INT QUIT USR1; exec "$0" "$@"'), binary];
    const command = ['grep', '-E', '^Sig(Ign|Blk)', '/proc/self/status'];
    const named = await launch(plan('sigignore=1', 'sigignore=13'), command, { program });
    const none = await launch(plan(), command, { program });
    expect(named.stdout).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n');
    expect(none.stdout).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
  });

  it('fails at the signals when one is the C library’s own', async () => {
    expect((await launch(plan('sigignore=32'), ['true'])).result).toBe('fail signals 22 32\n');
  });

  it.each([
    ['cgroup=/nonexistent/cgroup.procs', 'fail cgroup 2 /nonexistent/cgroup.procs\n'],
    ['ns=net:/nonexistent', 'fail ns 2 net:/nonexistent\n'],
    ['ns=net:/proc/self/ns/uts', 'fail ns 22 net:/proc/self/ns/uts\n'],
  ])('is not started when the kernel refuses %s', async (record, result) => {
    expect(await launch(plan(record), sh('echo ran'))).toMatchObject({
      code: 125,
      stdout: '',
      result,
    });
  });
});

describe('hold=1', () => {
  it('says ready and starts nothing until it is sent a byte', () =>
    withFolder(async (folder) => {
      const records = [`workdir=${folder}`, 'hold=1'];
      const ended = await launch(plan(...records), sh('pwd'), {
        during: async (launched) => {
          await launched.says(/^ready\n$/);
          rmdirSync(folder);
          launched.result.write('g');
        },
      });
      expect(ended).toMatchObject({ code: 125, result: expect.stringMatching(/^ready\nfail workdir 2 /) });
    }));

  it('goes on to the command', async () => {
    const ended = await launch(plan('hold=1'), sh('echo ran'), {
      during: async (launched) => {
        await launched.says(/ready/);
        launched.result.write('g');
      },
    });
    expect(ended).toMatchObject({ code: 0, stdout: 'ran\n', result: 'ready\n' });
  });

  it('ends with 125, silent on stderr, when the peer goes away', async () => {
    const ended = await launch(plan('hold=1'), sh('echo ran'), {
      during: async (launched) => {
        await launched.says(/ready/);
        launched.result.destroy();
      },
    });
    expect(ended).toMatchObject({ code: 125, signal: null, stdout: '', stderr: '' });
  });
});
