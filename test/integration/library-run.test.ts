import { describe, expect } from '@jest/globals';
import { told } from '../support/library.js';
import { runs } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const here = <T extends readonly unknown[]>(code: string): Promise<T> => told<T>(sandbox.current, code);
const inGroups = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

interface Failure {
  name: string;
  code: string;
  message: string;
  exitCode: number;
  limit?: string;
  result?: Record<string, unknown>;
}

describe('run of the library', () => {
  inGroups('gives stdout, stderr, the exit code and the record of a command, in its directory', async () => {
    const [result] = await here<[Record<string, unknown>]>(
      `said(await run('sh', ['-c', 'pwd; echo $WORD >&2'], { cwd: '/usr', env: { WORD: 'said' }, mem: '64M', cpu: 0.5 }));`,
    );
    expect(result).toMatchObject({
      command: ['sh', '-c', 'pwd; echo $WORD >&2'],
      exitCode: 0,
      signal: null,
      status: 0,
      stdout: '/usr',
      stderr: 'said',
      failed: false,
      verdict: 'ok',
      limitHit: null,
      record: {
        exitCode: 0,
        verdict: 'ok',
        stats: { vm: { limitBytes: 64 * 2 ** 20 }, sched: { limitCpus: 0.5 } },
      },
    });
  });

  inGroups(
    'rejects with RunError and the status for a command that ends with 3, and not with reject: false',
    async () => {
      const [failure, result] = await here<[Failure, Record<string, unknown>]>(`
      said(await errorOf(run('sh', ['-c', 'echo why >&2; exit 3'], { name: 'job' })));
      said(await run('sh', ['-c', 'exit 3'], { reject: false }));`);
      expect(failure).toMatchObject({ name: 'RunError', code: 'ERR_COMPART_FAILED', exitCode: 3 });
      expect(failure.message).toBe('job: "sh -c echo why >&2; exit 3" ended with status 3');
      expect(failure.result).toMatchObject({ stderr: 'why', exitCode: 3, record: { verdict: 'failed' } });
      expect(result).toMatchObject({ failed: true, exitCode: 3 });
    },
  );

  inGroups('rejects with LimitError and the record where the memory limit killed it', async () => {
    const [failure] = await here<[Failure]>(
      `said(await errorOf(run('tail', ['/dev/zero'], { name: 'hog', mem: '32M' })));`,
    );
    expect(failure).toMatchObject({
      name: 'LimitError',
      code: 'ERR_COMPART_LIMIT',
      exitCode: 137,
      limit: 'vm',
    });
    expect(failure.message).toMatch(
      /^hog: out of memory: 1 process killed at the 32 MiB limit .* try --mem 48M$/,
    );
    expect(failure.result).toMatchObject({ signal: 'SIGKILL', limitHit: 'vm', record: { verdict: 'oom' } });
  });

  inGroups('rejects with LimitError where the limit on tasks decided', async () => {
    const [failure] = await here<[Failure]>(
      `said(await errorOf(run('sh', ['-c', 'for n in 1 2 3 4 5 6; do sleep 1 & done; exit 9'], { pids: 4 })));`,
    );
    expect(failure).toMatchObject({
      name: 'LimitError',
      limit: 'pids',
      exitCode: 2,
      result: { limitHit: 'pids' },
    });
  });

  inGroups('ends the whole compartment at its timeout, also what ignores SIGTERM', async () => {
    const [failure, stubborn] = await here<[Failure, Failure]>(`
      said(await errorOf(run('sh', ['-c', 'sleep 60 & sleep 60'], { timeout: 200 })));
      said(await errorOf(run('sh', ['-c', 'trap "" TERM; while :; do sleep 1; done'], { timeout: '200ms', forceKillAfterDelay: 100 })));`);
    expect(failure).toMatchObject({ name: 'RunError', code: 'ERR_COMPART_TIMEOUT', exitCode: 124 });
    expect(failure.result).toMatchObject({ timedOut: true, signal: 'SIGTERM' });
    expect(stubborn).toMatchObject({ code: 'ERR_COMPART_TIMEOUT', result: { signal: 'SIGKILL' } });
  });

  inGroups(
    'kills it when the signal is aborted, before or after the start, and keeps no listener',
    async () => {
      const [before, after, listeners] = await here<[Failure, Failure & { cause: string }, number]>(`
      import { getEventListeners } from 'node:events';
      const controller = new AbortController();
      const running = run('sleep', ['60'], { cancelSignal: controller.signal });
      await running.spawned();
      controller.abort(new Error('enough'));
      let cause;
      const after = await errorOf(running.catch((error) => { cause = error.cause.message; throw error; }));
      said(await errorOf(run('sleep', ['60'], { cancelSignal: controller.signal })));
      said({ ...after, cause });
      said(getEventListeners(controller.signal, 'abort').length);`);
      expect(before).toMatchObject({ name: 'CompartError', code: 'ERR_COMPART_CANCELED' });
      expect(after).toMatchObject({ name: 'RunError', code: 'ERR_COMPART_CANCELED', cause: 'enough' });
      expect(after.result).toMatchObject({ canceled: true, signal: 'SIGTERM' });
      expect(listeners).toBe(0);
    },
  );

  inGroups('refuses before the start what it cannot start or hold, whatever reject says', async () => {
    const failures = await here<Failure[]>(`
      for (const [file, args, options] of [
        ['no-such-command', [], {}],
        ['/etc/passwd', [], {}],
        ['true', [], { cwd: '/no/such/folder' }],
        ['true', [], { mem: '12X' }],
        ['true', [], { mem: {} }],
        ['true', [], { timeout: -1 }],
        ['true', ['a\\0b'], {}],
        ['true', [], { name: 'Not A Name' }],
        ['true', ['x'.repeat(3000000)], {}],
      ]) said(await errorOf(() => run(file, args, { reject: false, ...options })));
      said((await Compartment.list()).length);
      said(fs.readdirSync('/proc/self/fd').length);`);
    expect(failures.slice(0, 9).map(({ code }) => code)).toEqual([
      'ERR_COMPART_COMMAND_NOT_FOUND',
      'ERR_COMPART_NOT_EXECUTABLE',
      'ERR_COMPART_LAUNCH',
      'ERR_COMPART_USAGE',
      'ERR_COMPART_USAGE',
      'ERR_COMPART_USAGE',
      'ERR_COMPART_USAGE',
      'ERR_COMPART_USAGE',
      'ERR_COMPART_LAUNCH',
    ]);
    expect(failures[9]).toBe(0);
  });

  inGroups('takes input as text, bytes and a stream, and talks through stdin', async () => {
    const said = await here(`
      import { Readable } from 'node:stream';
      said((await run('cat', { input: 'text' })).stdout);
      said((await run('cat', { input: new Uint8Array([104, 105]) })).stdout);
      said((await run('cat', { input: Readable.from(['a', 'b']) })).stdout);
      const talk = run('cat', { stdin: 'pipe' });
      talk.stdin.write('one ');
      talk.stdin.end('two');
      said((await talk).stdout);
      said((await run('cat')).stdout);
      said((await run('head', ['-c', '1'], { input: 'x'.repeat(1e6) })).stdout);`);
    expect(said).toEqual(['text', 'hi', 'ab', 'one two', '', 'x']);
  });

  inGroups('gives bytes, lines, the last newline, and an environment of its own as asked', async () => {
    const said = await here(`
      said([...(await run('printf', ['\\\\377\\\\000'], { encoding: 'buffer' })).stdout]);
      said((await run('printf', ['a\\\\n\\\\nb\\\\n'], { lines: true })).stdout);
      said((await run('printf', ['a\\\\n'], { stripFinalNewline: false })).stdout);
      said((await run('env', { extendEnv: false, env: { ONLY: 'this' } })).stdout);
      process.env.GONE = 'x';
      said((await run('env', { env: { GONE: undefined } })).stdout.includes('GONE='));`);
    expect(said).toEqual([[255, 0], ['a', '', 'b'], 'a\n', 'ONLY=this', false]);
  });

  inGroups('kills a command that writes more than maxBuffer, and gives the beginning', async () => {
    const [failure] = await here<[Failure]>(`said(await errorOf(run('yes', { maxBuffer: 1001 })));`);
    expect(failure).toMatchObject({ code: 'ERR_COMPART_MAX_BUFFER' });
    expect(failure.result).toMatchObject({ truncated: true });
    expect(String(failure.result?.['stdout'])).toHaveLength(1001);
  });

  inGroups(
    'iterates over lines, throws at the end of one that failed, and closes the pipe on break',
    async () => {
      const said = await here(`
      const lines = [];
      const failed = await errorOf(async () => {
        for await (const line of run('sh', ['-c', 'echo one; echo two; printf three; exit 4'])) lines.push(line);
      });
      said([lines, failed.exitCode]);
      const endless = run('yes', { reject: false });
      for await (const line of endless) { said(line); break; }
      said((await endless).failed);
      const both = run('sh', ['-c', 'echo out; echo err >&2']);
      for await (const line of both.lines('stderr')) said(line);
      said((await both).stdout);`);
      expect(said).toEqual([[['one', 'two', 'three'], 4], 'y', true, 'err', 'out']);
    },
  );

  inGroups('is disposed of: everything that it started is dead then', async () => {
    const said = await here<[[number, number]]>(`
      const running = run('sh', ['-c', 'sleep 60 & echo $!; sleep 60'], { name: 'gone' });
      const [pid] = [(await running.lines().next()).value];
      await running[Symbol.asyncDispose]();
      said([Number(pid), (await Compartment.list()).length]);`);
    const [[pid, left]] = said;
    expect(left).toBe(0);
    expect(pid).toBeGreaterThan(1);
    expect(runs(pid)).toBe(false);
  });

  inGroups('shows its stats, changes its limits and tells its events while it runs', async () => {
    const said = await here(`
      const running = run('sh', ['-c', 'read go; tail /dev/zero; exit 5'], { stdin: 'pipe', mem: '64M', reject: false });
      const events = (async () => {
        const seen = [];
        for await (const { event } of running.events()) seen.push(event);
        return seen;
      })();
      said((await running.stats()).vm.limitBytes);
      said((await running.set({ mem: 2 ** 25 })).subsystems.vm.limits.limitBytes);
      await delay(300);
      running.stdin.end('go\\n');
      said((await running).verdict);
      said(await events);
      said((await errorOf(running.stats())).code);`);
    expect(said).toEqual([
      64 * 2 ** 20,
      32 * 2 ** 20,
      'oom',
      ['created', 'limit', 'oom', 'exit'],
      'ERR_COMPART_NOT_FOUND',
    ]);
  });

  requires('groups', 'ip')(
    'has no network with net none, and goes without a limit that bestEffort lets pass',
    async () => {
      const said = await here(`
      said((await run('sh', ['-c', 'ls /sys/class/net | wc -l; cat /proc/net/dev | grep -c :'], { net: 'none', lines: true })).stdout[1]);`);
      expect(said).toEqual(['1']);
    },
  );
});
