import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { parseIperf } from '../support/iperf.js';
import { until } from '../support/programs.js';
import { useNetwork } from '../support/network.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';
import type { ErrorAnswer, NetStats } from '../support/shapes.js';

const sandbox = useSandbox();
/** A guest on a machine that has other work starts a command in seconds (test/systems). */
const PATIENCE_MS = 900_000;
const it = requires('root', 'ip', 'tc', 'nft', 'iperf3', 'python3');
const compart = (...args: string[]) => sandbox.current.compart(args);

useNetwork();

/** Before the sandbox looks for what is left. */
const remove = async (name: string): Promise<void> => {
  expect((await compart('rm', '--force', name)).status).toBe(0);
};

/** Megabits per second that one TCP connection to the host had, in the last seconds of `seconds`. */
async function throughput(port: number, name: string, seconds: number, ...flags: string[]): Promise<number> {
  const server = execa('iperf3', ['-s', '-1', '-p', String(port)], { stdout: 'ignore' });
  await delay(300);
  const words = ['-c', 'host.compart.internal', '-p', String(port), '-t', String(seconds), '-O', '1', '-J'];
  const { stdout } = await execa(COMPART, ['exec', name, '--', 'iperf3', ...words, ...flags], {
    env: sandbox.current.env,
  });
  await server;
  return parseIperf(stdout).mbit;
}

const stats = async (name: string): Promise<NetStats> => {
  const { stdout } = await compart('stats', name, '--json');
  const [reading] = JSON.parse(stdout) as Array<{ net: NetStats }>;
  if (reading === undefined) throw new Error(stdout);
  return reading.net;
};

describe('a network stack of its own', () => {
  it('--net 10mbit/20mbit moves 9.4 to 10 Mbit/s down and 18.8 to 20 up, and counts it', async () => {
    await compart('load', 'net', '--name', 'web', '--net', '10mbit/20mbit');
    const down = await throughput(5301, 'web', 3, '-R');
    const up = await throughput(5302, 'web', 3);
    expect(down).toBeGreaterThan(9.4);
    expect(down).toBeLessThanOrEqual(10);
    expect(up).toBeGreaterThan(18.8);
    expect(up).toBeLessThanOrEqual(20);
    expect(await stats('web')).toMatchObject({ rxLimitBps: 10e6, txLimitBps: 20e6 });
    expect((await stats('web')).rxBytes).toBeGreaterThan(3e6);
    expect((await stats('web')).txBytes).toBeGreaterThan(6e6);
    await remove('web');
  });

  it('set --net changes the rate of what runs, and max lifts it', async () => {
    await compart('load', 'net', '--name', 'web', '--net', '5mbit');
    expect(await throughput(5303, 'web', 2, '-R')).toBeLessThanOrEqual(5.2);
    expect((await compart('set', 'web', '--net', '50mbit')).status).toBe(0);
    const faster = await throughput(5304, 'web', 2, '-R');
    expect(faster).toBeGreaterThan(45);
    expect(faster).toBeLessThanOrEqual(50.5);
    expect((await compart('set', 'web', '--net', 'max')).status).toBe(0);
    expect(await throughput(5305, 'web', 2)).toBeGreaterThan(500);
    expect(await stats('web')).toMatchObject({ rxLimitBps: null, txLimitBps: null });
    await remove('web');
  });

  it('--net none has its loopback and nothing else', async () => {
    const { stdout, status } = await compart('run', '--net', 'none', '--', 'ip', '-brief', 'link');
    expect(status).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stdout).toMatch(/^lo +UNKNOWN/);
  });

  it('--net none stands beside a stack with a network, and neither takes the other away', async () => {
    for (const [name, rate] of [
      ['island', 'none'],
      ['world', '10mbit'],
    ] as const)
      expect(await compart('load', 'net', '--name', name, '--net', rate)).toMatchObject({
        status: 0,
        stderr: '',
      });
    await remove('world');
    expect(await compart('exec', 'island', '--', 'true')).toMatchObject({ status: 0, stderr: '' });
    await remove('island');
  });

  it('root inside cannot change its link, nor go back to the stack of the host', async () => {
    const { stdout } = await compart(
      'run', '--net', '1mbit', '--', 'sh', '-c',
      'tc qdisc del dev eth0 root 2>/dev/null && echo lifted; nsenter --net=/proc/1/ns/net true 2>/dev/null && echo left; unshare --net true 2>/dev/null && echo made; unshare --user --net true && echo empty',
    ); // prettier-ignore
    expect(stdout).toBe('empty\n');
  });

  it('--publish leads from 127.0.0.1 and [::1] to a server inside, and is gone with it', async () => {
    const ports = ['-p', '18080:80', '-p', '[::1]:18080:80'];
    await compart(
      'run',
      '-d',
      '--name',
      'web',
      '--net',
      'max',
      ...ports,
      '--',
      'python3',
      '-m',
      'http.server',
      '80',
    );
    const get = async (host: string): Promise<number> => {
      try {
        // Node's fetch may wait for ever where its connection is reset before it has written to it.
        return (await fetch(`http://${host}:18080/`, { signal: AbortSignal.timeout(2000) })).status;
      } catch {
        return 0;
      }
    };
    for (let tries = 0; tries < 100 && (await get('127.0.0.1')) !== 200; tries += 1) await delay(50);
    expect([await get('127.0.0.1'), await get('[::1]')]).toEqual([200, 200]);
    expect((await compart('set', 'web', '--unpublish', '[::1]:18080')).status).toBe(0);
    expect([await get('127.0.0.1'), await get('[::1]')]).toEqual([200, 0]);
    const taken = await compart('run', '--net', 'max', '-p', '18080:80', '--json', '--', 'true');
    expect((JSON.parse(taken.stderr) as ErrorAnswer).error).toMatchObject({
      code: 'ERR_COMPART_BUSY',
      message: '--publish: cannot listen on 127.0.0.1:18080: the port is taken',
    });
    await compart('rm', '--force', 'web');
    expect(await get('127.0.0.1')).toBe(0);
  });

  it('--allow lets one port of the host be reached by name, refuses the rest at once, and counts it', async () => {
    const server = execa('python3', ['-m', 'http.server', '18090', '--bind', '0.0.0.0'], {
      reject: false,
      stdio: 'ignore',
    });
    await until('the server', () =>
      execa('curl', ['-sf', 'http://127.0.0.1:18090/']).then(
        () => true,
        () => false,
      ),
    );
    const script = `
import socket, urllib.request
print(urllib.request.urlopen("http://host.compart.internal:18090/").status)
for place in (("192.0.2.77", 80), ("host.compart.internal", 22)):
    try: socket.create_connection(place, 3)
    except OSError as error: print(type(error).__name__, error.errno)
try: socket.getaddrinfo("example.org", 80)
except OSError: print("no such name")
`;
    const { stdout, stderr } = await compart(
      'run', '--name', 'agent', '--net', 'max', '--allow', 'host.compart.internal:18090', '--report', `${sandbox.current.dir}/report`,
      '--', 'python3', '-c', script,
    ); // prettier-ignore
    server.kill();
    expect(stdout).toBe('200\nOSError 113\nOSError 113\nno such name\n');
    expect(stderr).toBe(
      'compart: agent: 2 connections refused by --allow; try --allow for where it has to go\n',
    );
    const report = JSON.parse(readFileSync(`${sandbox.current.dir}/report`, 'utf8')) as {
      stats: { net: NetStats };
    };
    expect(report.stats.net.refused).toBe(2);
  });

  it('no command gets in where somebody took the shaper away, and gc puts it back', async () => {
    await compart('load', 'net', '--name', 'web', '--net', '10mbit');
    const link = /^ *(compart\d+):/m.exec(readFileSync('/proc/net/dev', 'utf8'))?.[1] ?? '';
    await execa('tc', ['qdisc', 'del', 'dev', link, 'root']);
    const refused = await compart('exec', 'web', '--', 'true');
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain(`"web" is not held any more: the shaper of ${link} is gone`);
    expect((await compart('inspect', 'web')).stdout).toContain('"enforced": false');
    expect((await compart('gc')).status).toBe(0);
    expect(await compart('exec', 'web', '--', 'true')).toMatchObject({ status: 0, stderr: '' });
    await execa('nft', ['delete', 'table', 'inet', 'compart']);
    expect((await compart('exec', 'web', '--', 'true')).status).toBe(125);
    await compart('gc');
    expect((await compart('exec', 'web', '--', 'true')).status).toBe(0);
    await remove('web');
  });

  it(
    '100 at once have an address each, and leave nothing',
    async () => {
      const runs = await Promise.all(
        Array.from({ length: 100 }, () =>
          compart('run', '--net', '10mbit', '--', 'sh', '-c', 'ip -4 -brief addr show eth0; sleep 0.2'),
        ),
      );
      expect(runs.filter(({ status }) => status !== 0)).toEqual([]);
      for (const { stdout } of runs) expect(stdout).toMatch(/10\.\d+\.\d+\.\d+/);
    },
    PATIENCE_MS,
  );

  it('a compart that is killed leaves a stack that gc takes away', async () => {
    const run = execa(COMPART, ['run', '--name', 'web', '--net', '10mbit', '--', 'sleep', '60'], {
      env: sandbox.current.env,
      reject: false,
      stdio: 'ignore',
    });
    for (let tries = 0; tries < 100 && !(await compart('ps')).stdout.includes('running'); tries += 1)
      await delay(20);
    run.kill('SIGKILL');
    await run;
    expect(await compart('gc')).toEqual({ status: 0, stdout: 'web\n', stderr: '' });
    expect((await compart('ps', '--json')).stdout.trim()).toBe('[]');
  });

  it('doctor --net measures both directions at once within 2% of what was asked', async () => {
    const { stdout, status } = await compart('doctor', '--net', '--json');
    const { net } = JSON.parse(stdout) as { net: Array<{ direction: string; offPercent: number }> };
    expect(net.map(({ direction }) => direction)).toEqual(['download', 'upload']);
    for (const { offPercent } of net) expect(offPercent).toBeLessThanOrEqual(2);
    expect(status).toBe(0);
  });
});
