import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { MIB } from '../support/programs.js';
import { IS_V2 } from '../support/place.js';
import { HANDS_OVER, requires } from '../support/requires.js';
import {
  AS_USER,
  delegate,
  runningAs,
  settle,
  subtree,
  takeBack,
  UID,
  withTun,
} from '../support/ordinary-user.js';
import { useSandbox } from '../support/sandbox.js';
import type { Inspection } from '../support/shapes.js';

const sandbox = useSandbox();
const ON_V1 = ['root', 'setpriv', 'cgroup-v1', 'cgroup-memory'];

describe('an ordinary user', () => {
  let user: ReturnType<typeof settle>;

  beforeEach(() => {
    user = settle(sandbox.current);
  });
  afterEach(() => {
    expect(takeBack()).toEqual([]);
  });

  const compart = async (
    ...args: string[]
  ): Promise<{ status: number | undefined; stdout: string; stderr: string }> => {
    const [unshare = '', ...words] = [...withTun(sandbox.current), ...AS_USER, user.program, ...args];
    const result = await execa(unshare, words, { reject: false, env: user.env, stdin: 'ignore' });
    return { status: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  };
  const test = requires('root', HANDS_OVER, 'setpriv', 'cgroup-memory');

  test('is held to 64 MiB, half a CPU and 20 tasks in a subtree that was handed over', async () => {
    delegate();
    const answer = await compart(
      'run',
      '--mem',
      '64M',
      '--cpu',
      '50%',
      '--pids',
      '20',
      '--',
      'sh',
      '-c',
      'id -u; cat /proc/self/cgroup',
    );
    expect(answer.stderr).toBe('');
    expect(answer.stdout.split('\n')[0]).toBe(String(UID));
    for (const controller of ['memory', 'cpu', 'pids'])
      expect(answer.stdout).toMatch(new RegExp(`:${IS_V2 ? '' : controller}:/compart-${UID}/`));
    const hog = await compart('run', '--name', 'hog', '--mem', '64M', '--', 'tail', '/dev/zero');
    expect(hog.status).toBe(137);
    expect(hog.stderr).toMatch(
      /^compart: hog: out of memory: 1 process killed at the 64 MiB limit \(--mem\), peak 64 MiB/,
    );
  });

  const network = requires('root', HANDS_OVER, 'setpriv', 'slirp4netns', 'nft', 'iperf3', 'user-namespaces');

  network(
    'has a stack of its own at 10 and 20 Mbit/s, which it cannot change, and leaves no process',
    async () => {
      delegate();
      const server = execa('iperf3', ['-s', '-p', '5320'], { reject: false, stdio: 'ignore' });
      await delay(300);
      const words = ['iperf3', '-c', 'host.compart.internal', '-p', '5320', '-t', '2', '-J', '-R'];
      const down = await compart('run', '--net', '10mbit/20mbit', '--', ...words);
      server.kill();
      const { end } = JSON.parse(down.stdout) as { end: { sum_received: { bits_per_second: number } } };
      expect(end.sum_received.bits_per_second).toBeGreaterThan(9.3e6);
      expect(end.sum_received.bits_per_second).toBeLessThan(10.3e6);
      const inside = await compart(
        ...['run', '--net', '10mbit', '--', 'sh', '-c'],
        'id -u; ip link del eth0 2>&1; tc qdisc del dev eth0 root 2>&1',
      );
      expect(inside.stdout).toBe(
        `${UID}\n${'RTNETLINK answers: Operation not permitted\n'.repeat(2)}`.trimEnd(),
      );
      const low = await compart('run', '--net', 'max', '-p', '80:80', '--', 'true');
      expect(low.status).toBe(125);
      expect(low.stderr).toContain('only root may have a port below 1024');
      const alone = await compart('run', '--net', 'none', '--', 'ip', '-brief', 'link');
      expect(alone.stdout).toMatch(/^lo .*$/);
      await compart('gc');
      expect(runningAs(UID)).toEqual([]);
    },
  );

  test('freezes, thaws and kills without the twin, by the freezer', async () => {
    delegate();
    expect((await compart('run', '-d', '--name', 'bg', '--', 'sleep', '100')).status).toBe(0);
    expect((await compart('freeze', 'bg')).status).toBe(0);
    expect((JSON.parse((await compart('inspect', 'bg')).stdout) as { state: string }).state).toBe('frozen');
    expect((await compart('kill', 'bg')).status).toBe(0);
    await compart('rm', '--force', 'bg');
    expect((JSON.parse((await compart('ps', '--json')).stdout) as unknown[]).length).toBe(0);
  });

  test("is refused another user's process, pid 1 and another user, each with the reason", async () => {
    delegate();
    await compart('load', 'vm', '--name', 'lv', '--mem', '32M');
    const foreign = await compart('attach', 'lv', String(process.pid));
    expect([foreign.status, foreign.stderr]).toEqual([
      125,
      `compart: cannot attach process ${process.pid}: it belongs to uid 0\ncompart: run compart as that user or as root`,
    ]);
    expect((await compart('attach', 'lv', '1')).stderr).toContain('it is the init of this system');
    expect((await compart('rm', 'lv')).status).toBe(0);
    expect((await compart('run', '--user', 'root', '--', 'true')).status).toBe(125);
  });

  const onV1 = requires(...ON_V1);

  onV1(
    'cannot put back what it attached: one limit is lifted where it is, all are refused unchanged',
    async () => {
      delegate();
      const attached = execa(AS_USER[0] ?? '', [...AS_USER.slice(1), 'sleep', '1000'], { reject: false });
      await compart('load', 'vm', '--name', 'box', '--mem', '32M');
      await compart('load', 'pids', '--name', 'box', '--pids', '10');
      expect((await compart('attach', 'box', String(attached.pid))).status).toBe(0);
      expect(await compart('unload', 'box/pids')).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(readFileSync(`${subtree('pids')}/box/pids.max`, 'utf8')).toBe('max\n');
      const refused = await compart('unload', 'box');
      expect([refused.status, refused.stderr.split('\n')[0]]).toEqual([
        125,
        `compart: processes run in "box", and to move them back to your own groups is not this user's right`,
      ]);
      const { subsystems } = JSON.parse((await compart('inspect', 'box')).stdout) as Inspection;
      expect(Object.keys(subsystems)).toEqual(['vm']);
      expect(subsystems.vm.limits['limitBytes']).toBe(32 * MIB);
      // Loaded again it is as it was.
      expect((await compart('load', 'pids', '--name', 'box', '--pids', '12')).status).toBe(0);
      expect(readFileSync(`${subtree('pids')}/box/pids.max`, 'utf8')).toBe('12\n');
      expect((await compart('rm', '--force', 'box')).status).toBe(0);
      expect((await attached).signal).toBe('SIGKILL');
    },
  );

  requires(...ON_V1, 'groups outside of what systemd manages')(
    'is refused every limit, with the line that hands the subtree over, where nothing was',
    async () => {
      const answer = await compart('run', '--mem', '64M', '--json', '--', 'true');
      expect(answer.status).toBe(125);
      const { error } = JSON.parse(answer.stderr) as {
        error: { code: string; message: string; hint: string };
      };
      expect(error.code).toBe('ERR_COMPART_UNSUPPORTED');
      expect(error.message).toBe(
        `--mem cannot be enforced on this host: uid ${UID} has no delegated subtree for the memory controller`,
      );
      expect(error.hint).toContain(`mkdir -p ${subtree('memory')} && chown -R ${UID} ${subtree('memory')}`);
    },
  );
});
