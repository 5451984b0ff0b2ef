import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  openSync,
  closeSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import type { Readable } from 'node:stream';
import { describe, expect } from '@jest/globals';
import { groupsOf, MIB, runs, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, groupsBelow, processesBelow, useSandbox, type Answer } from '../support/sandbox.js';

const sandbox = useSandbox();
const withRoot = requires('root');

const run = (flags: string[], ...command: string[]): Promise<Answer> =>
  sandbox.current.compart(['run', ...flags, '--', ...command]);
const sh = (script: string, ...args: string[]): string[] => ['sh', '-c', script, 'sh', ...args];

async function sha256(stream: AsyncIterable<Buffer>): Promise<{ bytes: number; hash: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  return { bytes, hash: hash.digest('hex') };
}

/** Prints each argument between brackets, so that empty ones show; \x01 ends it. */
const BRACKETS = 'for word in "$@"; do printf "<%s>\\001" "$word"; done';
const bracketed = (words: string[]): string => words.map((word) => `<${word}>\u0001`).join('');

describe('compart run: streams', () => {
  withRoot('hands through stdout, stderr and the exit status', async () => {
    const answer = await run([], 'sh', '-c', 'echo out; echo err >&2; exit 7');
    expect(answer).toEqual({ status: 7, stdout: 'out\n', stderr: 'err\n' });
  });

  withRoot(
    'passes 1 GiB of random bytes through cat, from a file to a pipe, unchanged',
    async () => {
      const file = `${sandbox.current.dir}/random`;
      const input = openSync(file, 'w+');
      execFileSync('head', ['-c', String(1024 * MIB), '/dev/urandom'], {
        stdio: ['ignore', input, 'inherit'],
      });
      closeSync(input);
      const stdin = openSync(file, 'r');
      const subprocess = sandbox.current.start(['run', '--', 'cat'], { stdin, buffer: false });
      const [sent, received, end] = await Promise.all([
        sha256(createReadStream(file, { highWaterMark: MIB })),
        sha256(subprocess.stdout as Readable),
        subprocess,
      ]);
      closeSync(stdin);
      expect(sent.bytes).toBe(1024 * MIB);
      expect(received).toEqual(sent);
      expect(end.exitCode).toBe(0);
    },
    120_000,
  );

  withRoot('keeps 16 MiB on stdout and 16 MiB on stderr apart', async () => {
    const answer = await run(
      [],
      ...sh('head -c 16777216 /dev/zero | tr "\\0" o & head -c 16777216 /dev/zero | tr "\\0" e >&2; wait'),
    );
    expect(answer.status).toBe(0);
    expect(answer.stdout === 'o'.repeat(16 * MIB)).toBe(true);
    expect(answer.stderr === 'e'.repeat(16 * MIB)).toBe(true);
  });

  withRoot('gives every byte from 0 to 255 on stdin back on stdout', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const { stdout } = await sandbox.current.start(['run', '--', 'cat'], {
      stdin: 'pipe',
      input: bytes,
      encoding: 'buffer',
    });
    expect(Buffer.compare(Buffer.from(stdout as unknown as Uint8Array), bytes)).toBe(0);
  });

  withRoot('gives a command whose stdin is closed an end of file at once', async () => {
    const { status, stderr } = await viaBash('"$COMPART" run -- cat <&-; echo "status $?"');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  withRoot('gives a command the files of a process substitution', async () => {
    const answer = await viaBash('"$COMPART" run -- cat <(echo one) <(echo two)');
    expect(answer).toEqual({ status: 0, stdout: 'one\ntwo\n', stderr: '' });
  });

  withRoot('run -- yes | head -1 ends with 141 (SIGPIPE) and nothing on stderr', async () => {
    const answer = await viaBash('"$COMPART" run -- yes | head -1; echo "${PIPESTATUS[0]}"');
    expect(answer).toEqual({ status: 0, stdout: 'y\n141\n', stderr: '' });
  });

  withRoot.each([
    ['ps'],
    ['ps --json'],
    ['--help'],
    ['run --help'],
    ['doctor'],
    ['history'],
    ['completion bash'],
  ])('%s into a pipe that nobody reads ends with no stack trace', async (verb) => {
    const answer = await viaBash(`{ sleep 0.2; "$COMPART" ${verb}; echo "status $?" >&2; } | true`);
    expect(answer).toEqual({ status: 0, stdout: '', stderr: 'status 0\n' });
  });
});

/** A script for bash with bin/compart in $COMPART. */
async function viaBash(script: string): Promise<Answer> {
  const { execa } = await import('execa');
  const env = { ...sandbox.current.env, COMPART };
  const answer = await execa('bash', ['-c', script], {
    env,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
  });
  return { status: answer.exitCode ?? -1, stdout: answer.stdout, stderr: answer.stderr };
}

describe('compart run: arguments and environment', () => {
  withRoot(
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

  withRoot('hands on an argument that is no UTF-8 (0xff 0xfe) byte for byte', async () => {
    const answer = await viaBash(`"$COMPART" run -- printf '%s' $'a\\xff\\xfeb' | od -An -tx1`);
    expect(answer).toEqual({ status: 0, stdout: ' 61 ff fe 62\n', stderr: '' });
  });

  withRoot('hands on 1,000 arguments of 100 characters', async () => {
    const words = Array.from({ length: 1000 }, (_, number) => String(number).padStart(100, 'x'));
    expect((await run([], ...sh('echo $#', ...words))).stdout).toBe('1000\n');
  });

  withRoot(
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

  withRoot('takes a command after --, even one that looks like a flag: 127 for --help', async () => {
    const answer = await run([], '--help');
    expect(answer).toMatchObject({ status: 127, stdout: '' });
    expect(answer.stderr).toMatch(/^compart: --help: command not found\n/);
  });

  withRoot('hands the second -- to the command', async () => {
    expect((await run([], ...sh(BRACKETS, '--', 'a', '--'))).stdout).toBe(bracketed(['--', 'a', '--']));
  });

  withRoot('passes the environment on as it is, odd values included, and adds nothing', async () => {
    const odd = { ODD_NEWLINE: 'a\nb', ODD_EMPTY: '', ODD_EQUALS: 'a=b=c', ODD_UTF8: 'ä☃' };
    const read = async (argv: string[]): Promise<string[]> =>
      (await viaEnv(argv, odd)).split('\0').filter(Boolean).sort();
    expect(await read([COMPART, 'run', '--', 'env', '-0'])).toEqual(await read(['env', '-0']));
  });

  withRoot(
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

  withRoot('starts in the directory of the caller; --workdir names another, also relative', async () => {
    const dir = realpathSync(sandbox.current.dir);
    mkdirSync(`${dir}/a dir/b`, { recursive: true });
    const pwd = async (...flags: string[]): Promise<string> =>
      (await sandbox.current.compart(['run', ...flags, '--', 'pwd'], { cwd: `${dir}/a dir` })).stdout;
    expect(await pwd()).toBe(`${dir}/a dir\n`);
    expect(await pwd('--workdir', '/')).toBe('/\n');
    expect(await pwd('--workdir', 'b')).toBe(`${dir}/a dir/b\n`);
  });

  withRoot('looks a relative command up in --workdir', async () => {
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

  withRoot.each([
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

  withRoot('nobody with --env HOME=/tmp has that HOME, and USER nobody', async () => {
    const { stdout } = await run(
      ['--user', 'nobody', '--env', 'HOME=/tmp'],
      ...sh('echo "$HOME $USER $LOGNAME"'),
    );
    expect(stdout).toBe('/tmp nobody nobody\n');
  });

  withRoot('nobody is limited as root is: it reads its own groups', async () => {
    const { stdout } = await run(['--user', 'nobody', '--name', 'its'], 'cat', '/proc/self/cgroup');
    expect(stdout).toMatch(new RegExp(`^0::${sandbox.current.base}/its$`, 'm'));
  });
});

describe('compart run: the compartment', () => {
  withRoot(
    'is what the command is a direct member of, in all of its groups, from its first instruction',
    async () => {
      const { base } = sandbox.current;
      const dirs: string[] = [];
      const subprocess = sandbox.current.start(
        ['run', '--name', 'born', '--', 'sh', '-c', 'cat /proc/self/cgroup; read go'],
        { stdin: 'pipe' },
      );
      await until('a process in the group', () => processesBelow(base).length > 0);
      dirs.push(...groupsBelow(base));
      subprocess.stdin?.end('go\n');
      const { stdout } = await subprocess;
      const lines = String(stdout)
        .split('\n')
        .filter((line) => line.endsWith(`:${base}/born`));
      expect(dirs.length).toBeGreaterThanOrEqual(4);
      expect(lines.length).toBe(dirs.length);
    },
  );

  withRoot('has compart itself outside of it', async () => {
    const subprocess = sandbox.current.start(['run', '--name', 'inside', '--', 'sleep', '100']);
    await until('the command', () => processesBelow(sandbox.current.base).length > 0);
    const own = [...groupsOf(`/proc/${subprocess.pid ?? 0}`).values()];
    expect(own.filter((path) => path.startsWith(sandbox.current.base))).toEqual([]);
    subprocess.kill('SIGTERM');
    expect((await subprocess).exitCode).toBe(143);
  });

  withRoot(
    'ends three processes that the command left behind, one of them in a session of its own',
    async () => {
      const script = 'sleep 1000 & setsid sleep 1001 & (trap "" TERM HUP; exec sleep 1002) & read go; exit 4';
      const subprocess = sandbox.current.start(['run', '--', 'sh', '-c', script], { stdin: 'pipe' });
      const sleeping = (pid: number): boolean => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
      const left = await until('3 processes', () => {
        const pids = processesOnce().filter(sleeping);
        return pids.length === 3 ? pids : null;
      });
      const started = Date.now();
      subprocess.stdin?.end('go\n');
      expect((await subprocess).exitCode).toBe(4);
      expect(Date.now() - started).toBeLessThan(5000);
      expect(left.filter(runs)).toEqual([]);
    },
  );

  withRoot('--report holds the exit record of cli.md, with the readings of 4 subsystems', async () => {
    const report = `${sandbox.current.dir}/report.json`;
    const { status } = await run(
      ['--name', 'told', '--label', 'team=a', '--mem', '64M', '--report', report],
      ...sh('exit 3'),
    );
    expect(status).toBe(3);
    const record = JSON.parse(readFileSync(report, 'utf8')) as Record<string, unknown>;
    const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown;
    expect(record).toMatchObject({
      name: 'told',
      command: sh('exit 3'),
      startedAt: iso,
      endedAt: iso,
      wallUs: expect.any(Number),
      exitCode: 3,
      signal: null,
      verdict: 'failed',
      limitHit: null,
    });
    const stats = record['stats'] as Record<string, Record<string, unknown>>;
    expect(
      Object.fromEntries(
        Object.entries(stats).map(([kind, readings]) => [kind, Object.keys(readings).sort()]),
      ),
    ).toEqual(STATS_KEYS);
    expect(
      Object.values(stats)
        .flatMap((readings) => Object.values(readings))
        .filter((value) => value === undefined),
    ).toEqual([]);
    expect(stats['vm']?.['limitBytes']).toBe(64 * MIB);
  });

  withRoot(
    '--report into a folder that is not there is a usage error before the command starts',
    async () => {
      const { dir } = sandbox.current;
      const answer = await run(['--report', `${dir}/no/report.json`], 'touch', `${dir}/ran`);
      expect(answer.status).toBe(2);
      expect(answer.stderr).toMatch(/^compart: --report: cannot write .*No such file or directory/);
      expect(existsSync(`${dir}/ran`)).toBe(false);
    },
  );
});

/** The keys of docs/cli.md, "stats by subsystem". */
const STATS_KEYS = {
  vm: [
    'anonBytes',
    'cacheBytes',
    'highBytes',
    'limitBytes',
    'limitHits',
    'oomKills',
    'peakBytes',
    'pressureFullUs',
    'pressureSomeUs',
    'swapBytes',
    'swapLimitBytes',
    'usageBytes',
    'workingSetBytes',
  ],
  sched: [
    'cpus',
    'limitCpus',
    'periods',
    'pressureSomeUs',
    'systemUs',
    'throttledPeriods',
    'throttledUs',
    'usageUs',
    'userUs',
    'weight',
  ],
  io: ['pressureSomeUs', 'readBytes', 'readOps', 'writeBytes', 'writeOps'],
  pids: ['current', 'denied', 'limit', 'peak'],
};

/** Pids below the base, each once. */
function processesOnce(): number[] {
  return [...new Set(processesBelow(sandbox.current.base))];
}

describe('compart run: signals', () => {
  /** Runs a shell that notes each signal in a file and ends with 10 at TERM, with 20 at INT, and so on. */
  async function trapped(
    signal: NodeJS.Signals,
  ): Promise<{ status: number | undefined; noted: string; stderr: string }> {
    const file = `${sandbox.current.dir}/noted`;
    const traps =
      'for s in TERM:10 INT:20 HUP:30 QUIT:40 USR1:50 USR2:60; do trap "echo ${s%:*} >> $1; exit ${s#*:}" ${s%:*}; done';
    const script = `${traps}; echo ready; while :; do sleep 0.05; done`;
    const subprocess = sandbox.current.start(['run', '--', ...sh(script, file)], { detached: true });
    await new Promise((resolve) => subprocess.stdout?.once('data', resolve));
    process.kill(subprocess.pid ?? 0, signal);
    const { exitCode, stderr } = await subprocess;
    return { status: exitCode, noted: readFileSync(file, 'utf8'), stderr: String(stderr) };
  }

  withRoot.each<[NodeJS.Signals, number]>([
    ['SIGTERM', 10],
    ['SIGINT', 20],
    ['SIGHUP', 30],
    ['SIGQUIT', 40],
    ['SIGUSR1', 50],
    ['SIGUSR2', 60],
  ])('%s to compart reaches the command once, whose trap decides the status: %i', async (signal, status) => {
    expect(await trapped(signal)).toEqual({ status, noted: `${signal.slice(3)}\n`, stderr: '' });
  });

  withRoot('SIGTERM to compart ends a command without a trap: 143', async () => {
    const subprocess = sandbox.current.start(['run', '--', 'sh', '-c', 'echo ready; exec sleep 100']);
    await new Promise((resolve) => subprocess.stdout?.once('data', resolve));
    process.kill(subprocess.pid ?? 0, 'SIGTERM');
    const { exitCode, stderr } = await subprocess;
    expect({ exitCode, stderr }).toEqual({ exitCode: 143, stderr: '' });
  });

  withRoot('SIGTERM at 20 moments of the start ends within 5 s with 143, and leaves nothing', async () => {
    const { base } = sandbox.current;
    for (let moment = 0; moment < 20; moment += 1) {
      const subprocess = sandbox.current.start(['run', '--', 'sleep', '100']);
      await new Promise((resolve) => setTimeout(resolve, 40 + moment * 6));
      const started = Date.now();
      subprocess.kill('SIGTERM');
      const { exitCode, signal, stderr } = await subprocess;
      // Before compart listens at all, the signal ends it as it ends any process.
      expect([143, 'SIGTERM']).toContain(exitCode ?? signal);
      expect(stderr).toBe('');
      expect(Date.now() - started).toBeLessThan(5000);
      expect(processesBelow(base)).toEqual([]);
    }
  });
});
