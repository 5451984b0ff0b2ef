import { createHash, randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { execa, type Options } from 'execa';
import { diskFilesOf } from '../support/guests.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { AS_USER, delegate, runningAs, settle, takeBack, UID, withTun } from '../support/ordinary-user.js';
import { MIB, ownLines, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const it = requires('root', 'uml', 'setpriv', 'cgroup-v1', 'cgroup-memory', 'user-namespaces');

interface Ended {
  status: number | undefined;
  stdout: string;
  stderr: string;
}

describe('a guest of an ordinary user, with a subtree that was handed over', () => {
  let user: ReturnType<typeof settle>;
  let home: string;

  beforeEach(() => {
    user = settle(sandbox.current);
    home = `${sandbox.current.dir}/home/work`;
    mkdirSync(home);
    chownSync(home, UID, UID);
    delegate();
  });
  afterEach(async () => {
    // What a test that failed has left would be in the way of the next.
    await compart(['rm', '--force', 'own']);
    await until('its end', () => runningAs(UID).length === 0).catch(() => undefined);
    expect(runningAs(UID)).toEqual([]);
    expect(takeBack()).toEqual([]);
    expect(diskFilesOf('', UID)).toEqual([]);
  });

  const compart = async (args: readonly string[], options: Options = {}): Promise<Ended> => {
    const [unshare = '', ...words] = [...withTun(sandbox.current), ...AS_USER, user.program, ...args];
    const { exitCode, stdout, stderr } = await execa(unshare, words, {
      reject: false,
      stdin: 'ignore',
      cwd: home,
      ...options,
      env: { ...user.env, PATH: '/usr/local/bin:/usr/bin:/bin' },
    });
    return { status: exitCode, stdout: String(stdout), stderr: String(stderr) };
  };
  const boot = (args: readonly string[], options?: Options): Promise<Ended> =>
    compart(['boot', ...KERNEL_FLAGS, '--mem', '128M', ...args], options);
  const sh = (script: string): string[] => ['--', 'sh', '-c', script];

  it('runs a command as root of its own: kernel, status, directory, programs; nothing is written back', async () => {
    writeFileSync(`${home}/here`, 'seen\n');
    const script = `
      id -u; pwd; cat here; echo new > new; echo x > /etc/x && echo y > /usr/y; node -p 1+1
      echo 'int main(void) { return 42; }' > a.c && gcc -o a a.c && ./a; echo "a-$?"; exit 7`;
    const answer = await boot(['--mem', '384M', ...sh(script)]);
    expect(answer).toEqual({ status: 7, stdout: `0\n${home}\nseen\n2\na-42`, stderr: '' });
    expect(readdirSync(home)).toEqual(['here']);
    expect((await boot(['--user', 'nobody', ...sh('id -un; echo $HOME')])).stdout).toBe(
      'nobody\n/nonexistent',
    );
  });

  it('moves 20 MB through cat unchanged, keeps the streams apart, and has 126, 127 and 125', async () => {
    const input = randomBytes(20 * MIB);
    const file = `${home}/bytes`;
    writeFileSync(file, input);
    const summed = await boot(sh('sha256sum'), { stdin: { file } });
    expect(summed.stdout).toBe(`${createHash('sha256').update(input).digest('hex')}  -`);
    expect(await boot(sh('echo out; echo err >&2'))).toEqual({ status: 0, stdout: 'out', stderr: 'err' });
    expect((await boot(['--', 'no-such'])).status).toBe(127);
    expect((await boot(['--', './bytes'])).status).toBe(126);
    expect((await boot(['--workdir', '/no/such', '--', 'true'])).status).toBe(125);
    expect((await boot(['--timeout', '1s', '--', 'sleep', '9'])).status).toBe(124);
  });

  it('does the verbs: exec, set, freeze, thaw, inspect, rm --force', async () => {
    const say = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await compart(args);
      expect({ args, status, stderr }).toEqual({ args, status: 0, stderr: '' });
      return stdout;
    };
    expect(await boot(['-d', '--name', 'own', '--swap', '32M'])).toEqual({
      status: 0,
      stdout: 'own',
      stderr: '',
    });
    await until('it is up', async () => (await compart(['exec', 'own', '--', 'true'])).status === 0);
    expect(await say('exec', 'own', '--', 'sh', '-c', 'id -u; grep -c /dev/ubd /proc/swaps')).toBe('0\n1');
    await say('set', 'own', '--mem', '64M');
    await say('set', 'own', '--cpu', '50%');
    await say('freeze', 'own');
    await say('thaw', 'own');
    expect(JSON.parse(await say('inspect', 'own'))).toMatchObject({
      kind: 'guest',
      state: 'running',
      subsystems: { sched: { limits: { limitCpus: 0.5 } } },
    });
    await say('rm', '--force', 'own');
  });

  it('is told of a panic, of its OOM killer and of a kernel that is none as root is', async () => {
    const first = (answer: Ended): unknown => ({ status: answer.status, line: ownLines(answer.stderr)[0] });
    expect(first(await boot(sh('echo c > /proc/sysrq-trigger; sleep 9')))).toEqual({
      status: 125,
      line: "compart: the guest's kernel panicked: sysrq triggered crash",
    });
    const hog = await boot(['--mem', '64M', '--name', 'hog', '--', 'tail', '/dev/zero']);
    expect(first(hog)).toEqual({
      status: 137,
      line: expect.stringMatching(
        /^compart: hog: out of memory: 1 process killed by the guest's own kernel in 64 MiB/,
      ),
    });
    expect(first(await compart(['boot', '--kernel', '/bin/true', '--', 'true']))).toMatchObject({
      status: 125,
    });
  });

  it('has a network of its own at 10 Mbit/s, if it asks for one', async () => {
    const answer = await boot([
      '--net',
      '10mbit',
      ...sh('ls /sys/class/net | grep -c eth0; getent hosts host.compart.internal | wc -l'),
    ]);
    expect(answer).toEqual({ status: 0, stdout: '1\n1', stderr: '' });
  });
});
