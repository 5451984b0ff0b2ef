import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { chargeOf, diskFilesOf, timed, useGuests, withGuests as it } from '../support/guests.js';
import { MIB, ownLines, until } from '../support/programs.js';
import { useSandbox } from '../support/sandbox.js';
import type { Answer } from '../support/sandbox.js';

const sandbox = useSandbox();
const { boot, detach, sh, inspect, last } = useGuests(sandbox);

/** From what ends a guest to compart's own end. */
const PATIENCE_MS = 5000;
/** Until it runs, in a guest on a busy machine. */
const PYTHON_MS = 20_000;
const PANIC = 'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 100';
/** Overwrites the code of process 1, which dies of it. */
const KILL_INIT = `
import re
with open('/proc/1/maps') as maps:
    first, last = next(re.match('([0-9a-f]+)-([0-9a-f]+) r-xp', line).groups() for line in maps if ' r-xp ' in line)
with open('/proc/1/mem', 'r+b', 0) as memory:
    memory.seek(int(first, 16))
    memory.write(b'\\xcc' * (int(last, 16) - int(first, 16)))
`;

/** The one line that says what happened; what follows may be the last words of the console. */
function verdict({ stderr }: Answer): string {
  const [first = '', ...more] = ownLines(stderr);
  expect(more.filter((line) => !line.startsWith('compart: | '))).toEqual([]);
  return first;
}

/** What a guest that ended otherwise than its command did is to be told of, within the patience. */
async function ends(args: readonly string[], booting = 3000): Promise<Answer & { line: string }> {
  const { answer, ms } = await timed(boot(args));
  expect(ms).toBeLessThan(PATIENCE_MS + booting);
  return { ...answer, line: verdict(answer) };
}

describe('a guest that falls says why, within 5 s, and leaves nothing', () => {
  it('when its kernel panics: 125, and the words of the panic', async () => {
    const { status, line } = await ends(['--mem', '96M', '--', 'sh', '-c', PANIC]);
    expect({ status, line }).toEqual({
      status: 125,
      line: "compart: the guest's kernel panicked: sysrq triggered crash",
    });
    expect(await last()).toMatchObject({
      verdict: 'failed',
      guest: { reason: 'panic', detail: 'sysrq triggered crash' },
    });
  });

  it('when it panics detached: the history has it, and so has its log', async () => {
    await detach('fell', '--mem', '96M');
    const { ms } = await timed(
      Promise.all([
        sandbox.current.compart(['exec', 'fell', '--', 'sh', '-c', PANIC]),
        until('its end', async () => (await inspect('fell').catch(() => null)) === null),
      ]),
    );
    expect(ms).toBeLessThan(PATIENCE_MS);
    expect(await last()).toMatchObject({ name: 'fell', verdict: 'failed', guest: { reason: 'panic' } });
    expect((await sandbox.current.compart(['logs', 'fell'])).stdout).toContain(
      "the guest's kernel panicked: sysrq triggered crash",
    );
  });

  it('an exec under way when the kernel panics ends too, with 125 and a line', async () => {
    await detach('fell', '--mem', '96M');
    const waiting = timed(sandbox.current.compart(['exec', 'fell', '--', 'sleep', '100']));
    await until('the sleep', async () => (await sh('fell', 'ps ax')).includes('sleep 100'));
    await sandbox.current.compart(['exec', 'fell', '--', 'sh', '-c', PANIC]);
    const { answer } = await waiting;
    expect(answer.status).toBe(125);
    expect(ownLines(answer.stderr)[0]).toBe('compart: the guest has ended: panic: sysrq triggered crash');
    await until('its end', async () => (await inspect('fell').catch(() => null)) === null);
  });

  it('when its command needs more than its RAM: its own OOM killer acts, 137, one line', async () => {
    const { status, line } = await ends(['--mem', '64M', '--name', 'hog', '--', 'tail', '/dev/zero']);
    expect(status).toBe(137);
    expect(line).toBe(
      "compart: hog: out of memory: 1 process killed by the guest's own kernel in 64 MiB of RAM (--mem); try --mem 96M or more --swap",
    );
    expect(await last()).toMatchObject({
      verdict: 'oom',
      limitHit: 'vm',
      guest: { oomKills: 1 },
      stats: { vm: { oomKills: 0 } },
    });
  });

  it('but not of a cgroup inside that was at its own limit: that was not the RAM', async () => {
    const hog = 'sh -c "echo \\$\\$ > $0/x/cgroup.procs; exec tail /dev/zero"';
    const script = `echo +memory > $0/cgroup.subtree_control; mkdir $0/x; echo 16M > $0/x/memory.max; ${hog}; ${hog}; grep oom_kill $0/x/memory.events; exit 7`;
    const run = ['--mem', '96M', '--', 'sh', '-c', `{ ${script}; } 2>/dev/null`, '/sys/fs/cgroup'];
    expect(await boot(run)).toMatchObject({ status: 7, stdout: 'oom_kill 2\n', stderr: '' });
    expect(await last()).toMatchObject({ verdict: 'failed', limitHit: null, guest: { oomKills: 0 } });
  });

  it('when process 1 dies: 125', async () => {
    const { status, line } = await ends(['--mem', '128M', '--', 'python3', '-c', KILL_INIT], PYTHON_MS);
    expect(status).toBe(125);
    expect(line).toMatch(/^compart: the guest's kernel panicked: Attempted to kill init!/);
  });

  it('but not when root in it kills process 1: that is spared, and goes on', async () => {
    const answer = await boot([
      '--mem',
      '96M',
      '--',
      'sh',
      '-c',
      'kill -9 1; kill -TERM 1; kill -SEGV 1; echo on; exit 4',
    ]);
    expect(answer).toEqual({ status: 4, stdout: 'on\n', stderr: '' });
  });

  it('when its kernel is no program, no kernel, or a file that may not be executed', async () => {
    const file = `${sandbox.current.dir}/kernel`;
    writeFileSync(file, randomBytes(100_000));
    const line = async (kernel: string): Promise<string> => {
      const { status, line: said } = await ends(['--kernel', kernel, '--', 'true']);
      expect(status).toBe(125);
      return said;
    };
    expect(await line(file)).toMatch(/^compart: the guest could not be started: .*Permission denied$/);
    chmodSync(file, 0o755);
    expect(await line(file)).toMatch(/^compart: the guest could not be started: .*Exec format error$/);
    expect(await line('/bin/true')).toBe(
      "compart: the guest's kernel crashed: the kernel ended with status 0 before its init said hello",
    );
    const none = await boot(['--kernel', `${file}-not`, '--', 'true']);
    expect(none).toMatchObject({ status: 2, stdout: '' });
    expect(ownLines(none.stderr)[0]).toMatch(/^compart: --kernel: ".*kernel-not" is no file$/);
  });

  it('when its root is empty: the command is not found, 127', async () => {
    mkdirSync(`${sandbox.current.dir}/empty`);
    const { status, stderr } = await boot([
      '--mem',
      '96M',
      '--root',
      `${sandbox.current.dir}/empty`,
      '--',
      '/bin/true',
    ]);
    expect(status).toBe(127);
    expect(ownLines(stderr)[0]).toBe('compart: /bin/true: command not found');
  });

  it('when the host kills its kernel', async () => {
    await detach('shot', '--mem', '96M');
    const { pid } = await inspect('shot');
    const { ms } = await timed(
      (async () => {
        const kernel = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' }).stdout.trim();
        process.kill(Number(kernel), 'SIGKILL');
        await until('its end', async () => (await inspect('shot').catch(() => null)) === null);
      })(),
    );
    expect(ms).toBeLessThan(PATIENCE_MS);
    expect((await last()).guest).toMatchObject({ reason: 'killed' });
    expect(diskFilesOf('shot')).toEqual([]);
  });
});

describe('a guest whose kernel hangs', () => {
  /** A program that takes what a kernel does, and sleeps. */
  function hanging(): string {
    const { dir } = sandbox.current;
    writeFileSync(`${dir}/hang.c`, '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n');
    expect(spawnSync('gcc', ['-static', '-o', `${dir}/hang`, `${dir}/hang.c`]).status).toBe(0);
    return `${dir}/hang`;
  }

  it('is ended by --timeout 1s with 124, by TERM with 143, and by itself when 30 s are over', async () => {
    const kernel = hanging();
    const late = timed(boot(['--kernel', kernel, '--name', 'late', '--', 'true']));
    const timedOut = await timed(boot(['--kernel', kernel, '--timeout', '1s', '--', 'true']));
    expect(timedOut.answer.status).toBe(124);
    expect(timedOut.ms).toBeLessThan(PATIENCE_MS + 1000);
    const subprocess = sandbox.current.start(['boot', '--kernel', kernel, '--', 'true']);
    await until('the kernel', () => spawnSync('pgrep', ['-f', `^/kernel.*`]).status === 0);
    const ending = timed(Promise.resolve(subprocess));
    subprocess.kill('SIGTERM');
    const { answer, ms } = await ending;
    expect([143, 'SIGTERM']).toContain(answer.exitCode ?? answer.signal);
    expect(ms).toBeLessThan(PATIENCE_MS);
    const { answer: hung, ms: waited } = await late;
    expect(hung.status).toBe(125);
    expect(verdict(hung)).toBe(
      'compart: the guest did not boot in time: its init did not say hello within 30000 ms',
    );
    expect(waited).toBeLessThan(30_000 + PATIENCE_MS);
    expect((await sandbox.current.json<Array<{ name: string }>>(['history'])).at(-1)).toMatchObject({
      name: 'late',
      verdict: 'failed',
      guest: { reason: 'boot-timeout' },
    });
  });
});

describe('memory of the host under a guest', () => {
  it('that is less than the guest needs: the host kills it, 137, and the line says who', async () => {
    await detach('tight', '--mem', '256M');
    const { subsystems } = await inspect('tight');
    expect(subsystems.vm.limits['limitBytes']).toBe(chargeOf(256));
    // Behind compart's back: the group gets less than the guest was promised.
    spawnSync('sh', [
      '-c',
      `echo $1 > /sys/fs/cgroup/memory${sandbox.current.base}/tight/memory.limit_in_bytes`,
      'sh',
      String(64 * MIB),
    ]);
    const { answer, ms } = await timed(sandbox.current.compart(['exec', 'tight', '--', 'tail', '/dev/zero']));
    expect(answer.status).toBe(125);
    expect(ms).toBeLessThan(PATIENCE_MS + 5000);
    await until('its end', async () => (await inspect('tight').catch(() => null)) === null);
    expect(await last()).toMatchObject({ name: 'tight', verdict: 'oom', limitHit: 'vm' });
  });

  it('is charged with at most RAM and overhead when the guest fills all of it', async () => {
    await detach('full', '--mem', '128M');
    await sh('full', 'mount -t tmpfs -o size=100% none /mnt; head -c 80M /dev/zero > /mnt/x');
    const { subsystems } = await inspect('full');
    expect(subsystems.vm.stats.usageBytes).toBeGreaterThan(80 * MIB);
    expect(subsystems.vm.stats.peakBytes).toBeLessThan(chargeOf(128));
    expect(subsystems.vm.stats.oomKills).toBe(0);
    await sandbox.current.compart(['rm', '--force', 'full']);
  });

  it('96 MiB with --swap 256M: 140 MiB are touched and live; swap is used inside, none of the host', async () => {
    const touch = `
x = bytearray(140 << 20)
for at in range(0, len(x), 4096): x[at] = at >> 12 & 255
assert all(x[at] == at >> 12 & 255 for at in range(0, len(x), 4096))
lines = dict(line.split(':') for line in open('/proc/meminfo'))
print(int(lines['SwapTotal'].split()[0]) - int(lines['SwapFree'].split()[0]))
`;
    const command = ['--', 'python3', '-c', touch];
    const answer = await boot(['--mem', '96M', '--swap', '256M', '--name', 'swaps', ...command]);
    expect(answer).toMatchObject({ status: 0, stderr: '' });
    expect(Number(answer.stdout)).toBeGreaterThan(40 * 1024);
    const { stats, verdict: kept } = await last();
    expect({ kept, swapBytes: stats.vm.swapBytes, oomKills: stats.vm.oomKills }).toEqual({
      kept: 'ok',
      swapBytes: 0,
      oomKills: 0,
    });
    // The page cache of the file behind its swap may fill what RAM and overhead leave.
    expect(stats.vm.peakBytes).toBeLessThan(chargeOf(96) + MIB);
    expect(diskFilesOf('swaps')).toEqual([]);

    const without = await boot([
      '--mem',
      '96M',
      '--name',
      'dies',
      '--',
      'sh',
      '-c',
      'echo 1 > /proc/sys/vm/overcommit_memory; exec python3 -c "$1"',
      'sh',
      touch,
    ]);
    expect(without.status).toBe(137);
    expect(verdict(without)).toMatch(
      /^compart: dies: out of memory: 1 process killed by the guest's own kernel in 96 MiB of RAM/,
    );
    expect(await last()).toMatchObject({ name: 'dies', verdict: 'oom', limitHit: 'vm' });
  }, 180_000);
});
