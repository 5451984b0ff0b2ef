import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { viaBash } from '../support/bash.js';
import { canRun, requires } from '../support/requires.js';
import { COMPART, useSandbox, type Answer } from '../support/sandbox.js';

const sandbox = useSandbox();
const confined = requires('groups');
const asRoot = requires('root');

const run = (flags: string[], ...command: string[]): Promise<Answer> =>
  sandbox.current.compart(['run', ...flags, '--', ...command]);
const sh = (script: string, ...args: string[]): string[] => ['sh', '-c', script, 'sh', ...args];

/** Prints each argument between brackets, so that empty ones show; \x01 ends it. */
const BRACKETS = 'for word in "$@"; do printf "<%s>\\001" "$word"; done';
const bracketed = (words: string[]): string => words.map((word) => `<${word}>\u0001`).join('');

describe('compart run: arguments and environment', () => {
  confined(
    'hands on 8 odd arguments byte for byte: empty, blanks, newlines, quotes, dashes, UTF-8',
    async () => {
      const words = ['', ' ', 'a\nb', '\t"quoted" \'twice\'', '--name', '--', '$HOME `id` \\ *', 'grüße ☃ 𝄞'];
      expect(await run([], ...sh(BRACKETS, ...words))).toEqual({
        status: 0,
        stdout: bracketed(words),
        stderr: '',
      });
    },
  );

  confined('hands on an argument that is no UTF-8 (0xff 0xfe) byte for byte', async () => {
    const answer = await viaBash(
      sandbox.current,
      `"$COMPART" run -- printf '%s' $'a\\xff\\xfeb' | od -An -tx1`,
    );
    expect(answer).toEqual({ status: 0, stdout: ' 61 ff fe 62\n', stderr: '' });
  });

  confined('hands on a variable that is no UTF-8 (0xff 0xfe) byte for byte', async () => {
    const answer = await viaBash(
      sandbox.current,
      `ODD=$'a\\xff\\xfeb' "$COMPART" run -- printenv ODD | od -An -tx1`,
    );
    expect(answer).toEqual({ status: 0, stdout: ' 61 ff fe 62 0a\n', stderr: '' });
  });

  confined('hands on 1,000 arguments of 100 characters', async () => {
    const words = Array.from({ length: 1000 }, (_, number) => String(number).padStart(100, 'x'));
    expect((await run([], ...sh('echo $#', ...words))).stdout).toBe('1000\n');
  });

  confined(
    'without --, takes the first word that is no flag for the command and leaves the rest to it',
    async () => {
      const answer = await sandbox.current.compart([
        'run',
        '--pids',
        '20',
        'echo',
        '--name',
        'x',
        '-n',
        '--help',
      ]);
      expect(answer).toEqual({ status: 0, stdout: '--name x -n --help\n', stderr: '' });
    },
  );

  confined('takes a command after --, even one that looks like a flag: 127 for --help', async () => {
    const answer = await run([], '--help');
    expect(answer).toMatchObject({ status: 127, stdout: '' });
    expect(answer.stderr).toMatch(/^compart: --help: command not found\n/);
  });

  confined('hands the second -- to the command', async () => {
    expect((await run([], ...sh(BRACKETS, '--', 'a', '--'))).stdout).toBe(bracketed(['--', 'a', '--']));
  });

  confined('passes the environment on as it is, odd values included, and adds nothing', async () => {
    const odd = { ODD_NEWLINE: 'a\nb', ODD_EMPTY: '', ODD_EQUALS: 'a=b=c', ODD_UTF8: 'ä☃' };
    const read = async (argv: string[]): Promise<string[]> =>
      (await viaEnv(argv, odd)).split('\0').filter(Boolean).sort();
    expect(await read([COMPART, 'run', '--', 'env', '-0'])).toEqual(await read(['env', '-0']));
  });

  confined(
    '--env sets a variable, replaces one, keeps = and newlines of the value; the last of two wins',
    async () => {
      const flags = [
        '--env',
        'ONE=1',
        '--env',
        'TWO=a=b\nc',
        '--env',
        'THREE=',
        '--env',
        'ONE=2',
        '--env',
        'LANG=x',
      ];
      const answer = await run(flags, ...sh('printf "%s|%s|%s|%s" "$ONE" "$TWO" "${THREE-unset}" "$LANG"'));
      expect(answer).toEqual({ status: 0, stdout: '2|a=b\nc||x', stderr: '' });
    },
  );

  confined('starts in the directory of the caller; --workdir names another, also relative', async () => {
    const dir = realpathSync(sandbox.current.dir);
    mkdirSync(`${dir}/a dir/b`, { recursive: true });
    const pwd = async (...flags: string[]): Promise<string> =>
      (await sandbox.current.compart(['run', ...flags, '--', 'pwd'], { cwd: `${dir}/a dir` })).stdout;
    expect(await pwd()).toBe(`${dir}/a dir\n`);
    expect(await pwd('--workdir', '/')).toBe('/\n');
    expect(await pwd('--workdir', 'b')).toBe(`${dir}/a dir/b\n`);
  });

  confined(
    'refuses a working directory that was removed with 2 and the reason; --workdir helps',
    async () => {
      const gone = `cd ${sandbox.current.dir} && mkdir gone && cd gone && rmdir ../gone && exec "$COMPART" run`;
      const refused = await viaBash(sandbox.current, `${gone} -- true`);
      expect(refused).toMatchObject({ status: 2, stdout: '' });
      expect(refused.stderr).toMatch(/compart: the working directory has no name any more: No such file/);
      const named = await viaBash(sandbox.current, `${gone} --workdir / -- pwd`);
      expect(named).toMatchObject({ status: 0, stdout: '/\n' });
    },
  );

  confined('looks a relative command up in --workdir', async () => {
    const { dir } = sandbox.current;
    writeFileSync(`${dir}/tool`, '#!/bin/sh\necho found\n', { mode: 0o755 });
    expect((await run(['--workdir', dir], './tool')).stdout).toBe('found\n');
  });
});

async function viaEnv(argv: string[], env: Record<string, string>): Promise<string> {
  const { execa } = await import('execa');
  const [file = '', ...args] = argv;
  return (await execa(file, args, { env: { ...sandbox.current.env, ...env }, stdin: 'ignore' })).stdout;
}

describe('compart run: --user', () => {
  const WHO = 'echo "$(id -u) $(id -g) $(id -G) $HOME"; grep -E "^(Uid|Gid|CapEff)" /proc/self/status';

  asRoot.each([
    ['nobody', '65534 65534 65534 /nonexistent', '65534', '65534'],
    ['65534:0', '65534 0 0 /nonexistent', '65534', '0'],
    ['54321', '54321 54321 54321 /', '54321', '54321'],
    ['54321:54322', '54321 54322 54322 /', '54321', '54322'],
  ])('%s runs with uid, gid, groups and HOME %s and no capability', async (user, who, uid, gid) => {
    const { status, stdout, stderr } = await run(['--user', user, '--workdir', '/'], ...sh(WHO));
    const quadruple = (id: string): string => Array(4).fill(id).join('\t');
    const expected = `${who}\nUid:\t${quadruple(uid)}\nGid:\t${quadruple(gid)}\nCapEff:\t0000000000000000\n`;
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: expected, stderr: '' });
  });

  asRoot('nobody with --env HOME=/tmp has that HOME, and USER nobody', async () => {
    const { stdout } = await run(
      ['--user', 'nobody', '--env', 'HOME=/tmp'],
      ...sh('echo "$HOME $USER $LOGNAME"'),
    );
    expect(stdout).toBe('/tmp nobody nobody\n');
  });

  asRoot('nobody is limited as root is: it reads its own groups', async () => {
    const { stdout } = await run(['--user', 'nobody', '--name', 'its'], 'cat', '/proc/self/cgroup');
    const hierarchy = canRun('cgroup-twin') ? '0:' : '\\d+:pids';
    expect(stdout).toMatch(new RegExp(`^${hierarchy}:${sandbox.current.base}/its$`, 'm'));
  });
});
