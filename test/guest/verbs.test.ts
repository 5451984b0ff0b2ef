import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { overheadBytes } from '../../src/kernel/memory.js';
import { chargeOf, timed, useGuests, withGuests as it, type GuestExitRecord } from '../support/guests.js';
import { MIB, until } from '../support/programs.js';
import { useSandbox } from '../support/sandbox.js';
import { DONE, verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const { boot, detach, exec, sh, inspect, last, remove } = useGuests(sandbox);
const { compart, refusal, gone } = verbsIn(sandbox);

describe('compart exec in a guest', () => {
  it('runs 20 commands at once, each with its own status and output', async () => {
    await detach('many', '--mem', '128M');
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const answers = await Promise.all(
      numbers.map((number) =>
        exec('many', 'sh', '-c', `echo out-${number}; echo err-${number} >&2; exit ${number}`),
      ),
    );
    expect(answers).toEqual(
      numbers.map((number) => ({ status: number, stdout: `out-${number}\n`, stderr: `err-${number}\n` })),
    );
    await remove('many');
  });

  it('moves 20 MB in and out, and hears of the end of its client: KILL of it ends the command inside', async () => {
    await detach('pipe', '--mem', '128M');
    const input = 'x'.repeat(20 * MIB);
    const answer = await sandbox.current.compart(['exec', 'pipe', '--', 'cat'], { stdin: 'pipe', input });
    expect(answer.stdout.length).toBe(input.length);
    const client = sandbox.current.start(['exec', 'pipe', '--', 'sleep', '77']);
    await until('the sleep', async () => (await sh('pipe', 'ps ax')).includes('sleep 77'));
    // The program that stands for it: compart itself would leave it alone.
    const stands = spawnSync('pgrep', ['-P', String(client.pid), '-x', 'compart-guest'], {
      encoding: 'utf8',
    });
    process.kill(Number(stands.stdout), 'SIGKILL');
    expect((await client).exitCode).toBe(137);
    await until('its end', async () => !(await sh('pipe', 'ps ax')).includes('sleep 77'), 5000);
    await remove('pipe');
  });

  it('takes --workdir, --env and --user; has 127 for no command and 125 for no guest', async () => {
    await detach('exec', '--mem', '96M');
    const flags = ['--workdir', '/usr', '--env', 'A=b', '--user', 'nobody'];
    expect(await compart('exec', ...flags, 'exec', '--', 'sh', '-c', 'pwd; echo $A $USER; id -u')).toEqual({
      ...DONE,
      stdout: '/usr\nb nobody\n65534\n',
    });
    expect(await exec('exec', 'no-such')).toMatchObject({ status: 127 });
    expect(await exec('nobody-there', 'true')).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/^compart: no compartment named "nobody-there"/),
    });
    await remove('exec');
  });
});

describe('the verbs on a guest', () => {
  it('ps, stats, top --once, inspect and metrics show it; the guest itself says what it has', async () => {
    await detach('seen', '--mem', '128M', '--label', 'team=web', '--cpu', '50%', '--pids', '64');
    expect((await compart('ps')).stdout).toMatch(/^seen +guest +running +\d+ +\S+ MiB\/\d+ MiB +\S+\/50%/m);
    expect((await compart('stats', 'seen')).stdout).toMatch(/^seen +[\d.]+ MiB/m);
    expect((await compart('top', '--once')).stdout).toMatch(/^seen +guest run /m);
    const seen = await inspect('seen');
    expect(seen).toMatchObject({
      kind: 'guest',
      state: 'running',
      labels: { team: 'web' },
      command: null,
      guest: { memoryBytes: 128 * MIB, swapBytes: 0, root: 'host' },
      subsystems: {
        vm: { enforced: true, limits: { limitBytes: chargeOf(128) } },
        sched: { limits: { limitCpus: 0.5 } },
        // Those of the kernel's own beside the 64 of the guest.
        pids: { limits: { limit: 64 + 32 } },
      },
    });
    expect(seen.guest.cpu).not.toBeNull();
    expect(seen.guest.report).toMatchObject({ release: expect.stringMatching(/^6\./), oomKills: 0 });
    expect(Number(seen.guest.report?.['memoryTotalBytes'])).toBeGreaterThan(80 * MIB);
    expect((await compart('metrics')).stdout).toMatch(
      /^compart_guest_memory_total_bytes\{[^}]*compartment="seen"[^}]*\} \d+/m,
    );
    await remove('seen');
  });

  it('set --mem takes RAM from a guest and gives it back, and the host’s limit follows', async () => {
    await detach('mem', '--mem', '256M');
    const free = async (): Promise<number> =>
      Number(await sh('mem', "awk '/^MemFree/ { print $2 }' /proc/meminfo")) / 1024;
    const charge = async (): Promise<number> => (await inspect('mem')).subsystems.vm.stats.usageBytes / MIB;
    // What it has touched and freed is still the host's loss, until it is taken.
    await sh('mem', 'mount -t tmpfs -o size=90% none /mnt; head -c 150M /dev/zero > /mnt/x; umount /mnt');
    expect(await charge()).toBeGreaterThan(150);
    expect(await compart('set', 'mem', '--mem', '96M')).toEqual(DONE);
    expect(await charge()).toBeLessThan(96 + overheadBytes(256 * MIB) / MIB);
    expect(await free()).toBeLessThan(96);
    expect((await inspect('mem')).subsystems.vm.limits['limitBytes']).toBe(
      96 * MIB + overheadBytes(256 * MIB),
    );
    expect(await compart('set', 'mem', '--mem', '256M')).toEqual(DONE);
    expect(await free()).toBeGreaterThan(180);
    await sh('mem', 'mount -t tmpfs -o size=90% none /mnt; head -c 150M /dev/zero > /mnt/x; umount /mnt');
    expect(await refusal('set', 'mem', '--mem', '512M')).toMatchObject({
      status: 2,
      code: 'ERR_COMPART_USAGE',
    });
    expect(await refusal('set', 'mem', '--swap', '64M')).toMatchObject({ status: 2 });
    await remove('mem');
  });

  it('set --mem below what the guest needs fails, all of its RAM stays, and it lives', async () => {
    await detach('need', '--mem', '256M');
    await sh('need', 'mount -t tmpfs -o size=90% none /mnt; head -c 150M /dev/zero > /mnt/x');
    expect(await refusal('set', 'need', '--mem', '64M')).toMatchObject({
      status: 125,
      code: 'ERR_COMPART_BUSY',
      message: '"need" cannot do that now: the guest has no more memory free',
    });
    expect((await inspect('need')).subsystems.vm.limits['limitBytes']).toBe(chargeOf(256));
    expect(Number(await sh('need', "awk '/^MemFree/ { print $2 }' /proc/meminfo"))).toBeGreaterThan(
      50 * 1024,
    );
    expect(await sh('need', 'wc -c < /mnt/x')).toBe(String(150 * MIB));
    expect((await inspect('need')).subsystems.vm.stats.oomKills).toBe(0);
    await remove('need');
  });

  it('freeze stops what counts inside and thaw lets it go on; a frozen guest can be removed', async () => {
    await detach('count', '--mem', '96M');
    const counter = sandbox.current.start([
      'exec',
      'count',
      '--',
      'sh',
      '-c',
      'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.02; done',
    ]);
    let counted = 0;
    counter.stdout?.on('data', (text: Buffer) => {
      counted = Number(text.toString().trimEnd().split('\n').at(-1));
    });
    await until('some', () => counted > 5);
    expect(await compart('freeze', 'count')).toEqual(DONE);
    expect((await inspect('count')).state).toBe('frozen');
    await delay(200);
    const stood = counted;
    await delay(1000);
    expect(counted).toBe(stood);
    expect(await compart('thaw', 'count')).toEqual(DONE);
    await until('more', () => counted > stood + 5);
    expect(await compart('freeze', 'count')).toEqual(DONE);
    const { answer, ms } = await timed(compart('rm', '--force', 'count'));
    expect(answer).toEqual(DONE);
    expect(ms).toBeLessThan(5000);
    expect((await counter).exitCode).toBe(137);
  });

  it('rm is refused while it runs; rm --force powers it off cleanly: TERM and the last writes come first', async () => {
    await detach('off', '--mem', '96M');
    expect(await refusal('rm', 'off')).toMatchObject({ status: 125, code: 'ERR_COMPART_BUSY' });
    const trap = `trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.05; done`;
    const client = sandbox.current.start(['exec', 'off', '--', 'sh', '-c', trap]);
    await new Promise((resolve) => client.stdout?.once('data', resolve));
    const { answer, ms } = await timed(compart('rm', '--force', 'off'));
    expect(answer).toEqual(DONE);
    expect(ms).toBeLessThan(5000);
    expect(await client).toMatchObject({ stdout: 'ready\nterm\n', exitCode: 5 });
    expect(await last()).toMatchObject({
      name: 'off',
      verdict: 'ok',
      guest: { reason: 'stopped', oomKills: 0 },
    });
  });

  it('kill ends it at once, kill --signal TERM cleanly; the history tells them apart', async () => {
    await detach('dead', '--mem', '96M');
    expect(await compart('kill', 'dead')).toEqual(DONE);
    await gone('dead');
    expect(await last()).toMatchObject({ name: 'dead', verdict: 'killed' });
    await detach('asked', '--mem', '96M');
    expect(await compart('kill', '--signal', 'TERM', 'asked')).toEqual(DONE);
    await gone('asked');
    expect((await last()).guest).toMatchObject({ reason: 'stopped' });
  });

  it('logs has what a detached command printed, events its beginning and end', async () => {
    const events = sandbox.current.start(['events', '--json']);
    let heard = '';
    events.stdout?.on('data', (piece: Buffer) => (heard += piece.toString()));
    for (let tries = 0; tries < 100 && heard === ''; tries += 1)
      await compart('run', '--name', 'knock', '--', 'true');
    const answer = await boot([
      '-d',
      '--name',
      'said',
      '--mem',
      '96M',
      '--',
      'sh',
      '-c',
      'echo one; echo two >&2; sleep 0.7; exit 3',
    ]);
    expect(answer).toEqual({ ...DONE, stdout: 'said\n' });
    await gone('said');
    expect((await compart('logs', 'said')).stdout).toBe('one\ntwo\n');
    expect(await last()).toMatchObject({ name: 'said', exitCode: 3, verdict: 'failed' });
    await delay(1500);
    events.kill('SIGINT');
    const told = String((await events).stdout)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; event: string })
      .filter(({ name }) => name === 'said')
      .map(({ event }) => event);
    expect(told).toEqual(['created', 'exit']);
  });

  it('--timeout counts for a detached one too', async () => {
    await boot(['-d', '--name', 'late', '--mem', '96M', '--timeout', '2s', '--', 'sleep', '100']);
    await gone('late');
    expect(await last()).toMatchObject({ name: 'late', verdict: 'timeout' });
  });

  it('a name that is taken is refused, and one that was freed can be booted again', async () => {
    await detach('same', '--mem', '96M');
    const { status, stderr } = await boot(['--name', 'same', '--mem', '96M', '--', 'true']);
    expect(status).toBe(125);
    expect(stderr).toMatch(/^compart: .*"same"/);
    await remove('same');
    expect(await boot(['--name', 'same', '--mem', '96M', '--', 'true'])).toEqual(DONE);
    const records = await sandbox.current.json<GuestExitRecord[]>(['history']);
    expect(records.filter(({ name }) => name === 'same')).toHaveLength(2);
  });
});
