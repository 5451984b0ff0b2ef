import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, openSync, closeSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { describe, expect } from '@jest/globals';
import { MIB, runs, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { viaBash } from '../support/bash.js';
import { groupsBelow, hierarchies, processesBelow, useSandbox, type Answer } from '../support/sandbox.js';

const sandbox = useSandbox();
const confined = requires('groups');

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

describe('compart run: streams', () => {
  confined('hands through stdout, stderr and the exit status', async () => {
    const answer = await run([], 'sh', '-c', 'echo out; echo err >&2; exit 7');
    expect(answer).toEqual({ status: 7, stdout: 'out\n', stderr: 'err\n' });
  });

  confined(
    'passes 1 GiB of random bytes through cat, from a file to a pipe, unchanged',
    async () => {
      const file = `${sandbox.current.dir}/random`;
      const input = openSync(file, 'w+');
      execFileSync('head', ['-c', String(1024 * MIB), '/dev/urandom'], {
        stdio: ['ignore', input, 'inherit'],
      });
      closeSync(input);
      const stdin = openSync(file, 'r');
      const subprocess = sandbox.current.start(['run', '--', 'cat'], {
        stdin: stdin as unknown as 'inherit',
        buffer: false,
      });
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
    600_000,
  );

  confined('keeps 16 MiB on stdout and 16 MiB on stderr apart', async () => {
    const answer = await run(
      [],
      ...sh('head -c 16777216 /dev/zero | tr "\\0" o & head -c 16777216 /dev/zero | tr "\\0" e >&2; wait'),
    );
    expect(answer.status).toBe(0);
    expect(answer.stdout === 'o'.repeat(16 * MIB)).toBe(true);
    expect(answer.stderr === 'e'.repeat(16 * MIB)).toBe(true);
  });

  confined('gives every byte from 0 to 255 on stdin back on stdout', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const { stdout } = await sandbox.current.start(['run', '--', 'cat'], {
      stdin: 'pipe',
      input: bytes,
      encoding: 'buffer',
    });
    expect(Buffer.compare(Buffer.from(stdout as unknown as Uint8Array), bytes)).toBe(0);
  });

  confined('gives a command whose stdin is closed an end of file at once', async () => {
    const { status, stderr } = await viaBash(sandbox.current, '"$COMPART" run -- cat <&-; echo "status $?"');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  confined('gives a command the descriptors 3, 9 and 63 that the caller opened for it', async () => {
    const script = `"$COMPART" run -- sh -c 'cat <&3; cat /dev/fd/9 /dev/fd/63' 3<<<three 9<<<nine 63<<<more`;
    const answer = await viaBash(sandbox.current, script);
    expect(answer).toEqual({ status: 0, stdout: 'three\nnine\nmore\n', stderr: '' });
  });

  confined('gives a command no descriptor of its own: 0, 1, 2 and the one that lists them', async () => {
    const { stdout } = await viaBash(sandbox.current, `"$COMPART" run -- sh -c 'echo /proc/self/fd/*'`);
    const direct = await viaBash(sandbox.current, `sh -c 'echo /proc/self/fd/*'`);
    expect(stdout).toBe(direct.stdout);
  });

  confined('gives a command the files of a process substitution', async () => {
    const answer = await viaBash(sandbox.current, '"$COMPART" run -- cat <(echo one) <(echo two)');
    expect(answer).toEqual({ status: 0, stdout: 'one\ntwo\n', stderr: '' });
  });

  confined('run -- yes | head -1 ends with 141 (SIGPIPE) and nothing on stderr', async () => {
    const answer = await viaBash(sandbox.current, '"$COMPART" run -- yes | head -1; echo "${PIPESTATUS[0]}"');
    expect(answer).toEqual({ status: 0, stdout: 'y\n141\n', stderr: '' });
  });

  confined.each([
    ['ps'],
    ['ps --json'],
    ['--help'],
    ['run --help'],
    ['doctor'],
    ['history'],
    ['completion bash'],
  ])('%s into a pipe that nobody reads ends with no stack trace', async (verb) => {
    const answer = await viaBash(
      sandbox.current,
      `{ sleep 0.2; "$COMPART" ${verb}; echo "status $?" >&2; } | true`,
    );
    expect(answer).toEqual({ status: 0, stdout: '', stderr: 'status 0\n' });
  });
});

describe('compart run: the compartment', () => {
  confined(
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
      expect(dirs.length).toBeGreaterThanOrEqual(Math.min(4, hierarchies().length));
      expect(lines.length).toBe(dirs.length);
    },
  );

  confined('has compart itself outside of it', async () => {
    const subprocess = sandbox.current.start(['run', '--name', 'inside', '--', 'sleep', '100']);
    await until('the command', () => processesBelow(sandbox.current.base).length > 0);
    expect(processesBelow(sandbox.current.base)).not.toContain(subprocess.pid);
    subprocess.kill('SIGTERM');
    expect((await subprocess).exitCode).toBe(143);
  });

  confined(
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

  requires(
    'groups',
    'cgroup-memory',
    'cgroup-cpu',
    'cgroup-pids',
    'cgroup-io',
  )('--report holds the exit record of cli.md, with the readings of 4 subsystems', async () => {
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

  confined(
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
