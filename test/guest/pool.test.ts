import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect } from '@jest/globals';
import { useGuests, withGuests as it } from '../support/guests.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { ownLines, until } from '../support/programs.js';
import { useSandbox } from '../support/sandbox.js';

interface Pool {
  pid: number;
  planned: number;
  guests: { waiting: number; size: number } | null;
}

/** Links of network stacks, by their index. */
const stackLinks = (): string[] =>
  readdirSync('/sys/class/net')
    .filter((name) => /^compart\d+$/.test(name))
    .map((name) => readFileSync(`/sys/class/net/${name}/ifindex`, 'latin1').trim());

interface Row {
  name: string;
  state: string;
  kind: string;
}

// Before the hooks of sandbox and guests, which look for what is left.
afterEach(async () => {
  const { stdout } = await sandbox.current.compart(['warm', '--status', '--json']);
  const pool = JSON.parse(stdout) as Pool | null;
  if (pool === null) return;
  await sandbox.current.compart(['warm', '--stop']);
  await until('the service has ended', () => !existsSync(`/proc/${pool.pid}`));
});

const sandbox = useSandbox();
const { boot, start, inspect, last } = useGuests(sandbox);

/** Whole paths of the host's root are seen in every guest; those of a test are in /tmp, which is covered. */
const HERE = { cwd: '/usr' };
const FLAGS = ['--mem', '64M'];

const rows = (): Promise<Row[]> => sandbox.current.json<Row[]>(['ps']);
const status = (): Promise<Pool> => sandbox.current.json<Pool>(['warm', '--status']);
const full = (size: number): Promise<unknown> =>
  until(`${size} guests wait`, async () => (await status()).guests?.waiting === size, 60_000);

/** Has guests wait, and answers their names. */
async function keep(count: number, ...flags: string[]): Promise<string[]> {
  const asked = ['warm', '--guests', String(count), ...KERNEL_FLAGS, ...flags];
  const pool = await sandbox.current.json<Pool>(asked);
  expect(pool.guests).toEqual({ waiting: count, size: count });
  return (await rows()).map(({ name }) => name);
}

describe('a guest that was booted ahead', () => {
  it('is frozen, runs the next command as boot would have, and is replaced', async () => {
    const names = await keep(1, ...FLAGS);
    expect(await rows()).toMatchObject([{ kind: 'guest', state: 'frozen' }]);
    // It has come up: there is nothing of a boot left to do.
    expect((await inspect(names[0] ?? '')).guest.report).toMatchObject({ helloUs: expect.any(Number) });
    const script = 'echo "$PWD $A"; uname -r >&2; cat; exit 7';
    const env = { ...sandbox.current.env, A: 'b' };
    const answer = await boot([...FLAGS, '--', 'sh', '-c', script], {
      ...HERE,
      env,
      stdin: 'pipe',
      input: 'given',
    });
    expect({ ...answer, stderr: '' }).toEqual({ status: 7, stdout: '/usr b\ngiven', stderr: '' });
    expect(answer.stderr).toMatch(/^6\.\d+\.\d+\S*\n$/);
    expect(await last()).toMatchObject({
      name: names[0],
      command: ['sh', '-c', script],
      exitCode: 7,
      verdict: 'failed',
      guest: { reason: 'stopped' },
    });
    await full(1);
    expect((await rows()).map(({ name }) => name)).not.toEqual(names);
  });

  it('goes with its service, and nothing is left', async () => {
    await keep(2, ...FLAGS);
    expect(await sandbox.current.compart(['warm', '--stop'])).toMatchObject({ status: 0 });
    await until('they are gone', async () => (await rows()).length === 0);
  });

  it('goes with its service also while it is booted', async () => {
    await keep(1, ...FLAGS);
    expect(await boot([...FLAGS, '--', 'true'], HERE)).toMatchObject({ status: 0 });
    expect(await sandbox.current.compart(['warm', '--stop'])).toMatchObject({ status: 0 });
    await until('they are gone', async () => (await rows()).length === 0);
  });

  it('is taken away by gc when its service was killed', async () => {
    await keep(1, ...FLAGS);
    process.kill((await status()).pid, 'SIGKILL');
    await until(
      'nobody answers',
      async () => (await sandbox.current.compart(['warm', '--status'])).status === 1,
    );
    expect(await sandbox.current.compart(['gc'])).toMatchObject({ status: 0 });
    expect(await rows()).toEqual([]);
  });

  it('leaves nothing when the front of its command is killed', async () => {
    const [name] = await keep(1, ...FLAGS);
    const command = start([...FLAGS, '--', 'sleep', '1000'], HERE);
    await until('it runs', async () =>
      (await rows()).some((row) => row.name === name && row.state === 'running'),
    );
    command.kill('SIGKILL');
    await command;
    await until('it is gone', async () => (await rows()).every((row) => row.name !== name));
  });

  it('ends by a timeout, or for want of memory, and says so as any guest', async () => {
    await keep(1, ...FLAGS);
    const late = await boot([...FLAGS, '--timeout', '500ms', '--', 'sleep', '1000'], HERE);
    expect(late.status).toBe(124);
    expect(await last()).toMatchObject({ verdict: 'timeout' });
    await full(1);
    const hog = await boot([...FLAGS, '--', 'sh', '-c', 'tail /dev/zero; exit 3'], HERE);
    expect(hog.status).toBe(3);
    expect(ownLines(hog.stderr).at(-1)).toMatch(/out of memory: 1 process killed by the guest's own kernel/);
    expect(await last()).toMatchObject({ verdict: 'oom', limitHit: 'vm' });
  });
});

describe('a command that no waiting guest is for', () => {
  it('has one booted: other flags, a name of its own, a directory that others do not see', async () => {
    const names = await keep(1, ...FLAGS);
    const own = `${sandbox.current.dir}/own`;
    mkdirSync(own);
    writeFileSync(`${own}/file`, 'seen');
    const answers = [
      await boot(['--mem', '80M', '--', 'cat', '/proc/sys/kernel/hostname'], HERE),
      await boot([...FLAGS, '--name', 'mine', '--', 'cat', '/proc/sys/kernel/hostname'], HERE),
      await boot([...FLAGS, '--', 'cat', 'file'], { cwd: own }),
    ];
    expect(answers).toMatchObject([
      { status: 0 },
      { status: 0, stdout: 'mine\n' },
      { status: 0, stdout: 'seen' },
    ]);
    expect(answers[0]?.stdout).not.toBe(`${names[0]}\n`);
    expect((await rows()).map(({ name }) => name)).toEqual(names);
  });

  it('has one booted where the one that waited was removed', async () => {
    const [name = ''] = await keep(1, ...FLAGS);
    expect(await sandbox.current.compart(['rm', '--force', name])).toMatchObject({ status: 0 });
    expect(await boot([...FLAGS, '--', 'echo', 'done'], HERE)).toMatchObject({ status: 0, stdout: 'done\n' });
    await full(1);
  });
});

describe('compart warm --guests', () => {
  it.each([
    [['--guests', 'x'], '--guests: "x" is no number of guests'],
    [['--guests', '101'], '--guests: 101 are more than are kept'],
    [['--mem', '64M'], '--mem: of guests, and none are asked for'],
    [['--guests', '1', '--net', '1mbit'], '--net: not of guests that wait'],
    [['--guests', '1', '--init', '/sbin/init'], '--init: not of guests that wait'],
    [['--guests', '1', '--mem', '1M'], '--mem: 1 MiB is less than a kernel can start in'],
  ])('%j is refused, and starts nothing', async (words, message) => {
    const { status: code, stderr } = await sandbox.current.compart(['warm', ...words]);
    expect({ code, stderr: stderr.slice(0, 9 + message.length) }).toEqual({
      code: 2,
      stderr: `compart: ${message}`,
    });
    expect(await sandbox.current.compart(['warm', '--status'])).toMatchObject({ status: 1 });
  });

  it('of other flags replaces those that wait, and of 0 ends them', async () => {
    await keep(1, ...FLAGS);
    await keep(2, '--mem', '48M');
    expect(await rows()).toHaveLength(2);
    expect((await sandbox.current.json<Pool>(['warm', '--guests', '0'])).guests).toBeNull();
    expect(await rows()).toEqual([]);
  });
});

describe('a network stack that was made ahead', () => {
  it('is taken by a guest as by a command', async () => {
    const others = new Set(stackLinks());
    await sandbox.current.json(['warm', '--stacks', '1', '--net', '10mbit']);
    const ours = (): string[] => stackLinks().filter((index) => !others.has(index));
    const [waiting] = ours();
    const answer = await boot(
      [...FLAGS, '--net', '10mbit', '--', 'ip', '-o', '-4', 'addr', 'show', 'eth0'],
      HERE,
    );
    expect(answer).toMatchObject({ status: 0, stdout: expect.stringMatching(/ inet 10\.\S+\/32 /) });
    await until('it is gone, and another waits', () => {
      const links = ours();
      return links.length === 1 && links[0] !== waiting;
    });
  });
});
