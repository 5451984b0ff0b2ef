import { describe, expect } from '@jest/globals';
import { execa, type ResultPromise } from 'execa';
import { parseIperf } from '../support/iperf.js';
import { ratesThroughSet } from '../support/live.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { processesOf } from '../support/crash.js';
import { useSandbox, type Answer } from '../support/sandbox.js';
import type { Inspection, NetStats } from '../support/shapes.js';

/** What test/systems runs as the user who has logged in there; a host that tests as root has net-rootless.test.ts. */
const it = requires('an ordinary user', 'groups', 'slirp4netns', 'iperf3', 'nft', 'python3');
/** A guest on a machine that has other work starts a command in seconds. */
const PATIENCE_MS = 900_000;
const PHASE_S = 6;
const sandbox = useSandbox();

const compart = (...args: string[]): Promise<Answer> => sandbox.current.compart(args);
const start = (...args: string[]): ResultPromise => sandbox.current.start(args, { stdout: 'pipe' });
const host = {
  start: ([program = '', ...args]: readonly string[]): ResultPromise =>
    execa(program, args, { reject: false, stdio: 'ignore' }) as unknown as ResultPromise,
};

describe('an ordinary user', () => {
  it(
    'has a stack of 1 Mbit/s down and 2 up, and its packets are counted',
    async () => {
      const loaded = await compart('load', 'net', '--name', 'web', '--net', '1mbit/2mbit');
      expect(loaded).toMatchObject({ status: 0, stderr: '' });
      for (const [port, flags, least, most] of [
        ['5361', ['-R'], 0.9, 1],
        ['5362', [], 1.8, 2],
      ] as const) {
        const server = host.start(['iperf3', '-s', '-1', '-p', port]);
        await until('the server', async () => (await listening()).includes(Number(port)));
        const words = ['-c', 'host.compart.internal', '-p', port, '-t', '4', '-O', '1', '-J', ...flags];
        const { stdout } = await compart('exec', 'web', '--', 'iperf3', ...words);
        await server;
        expect(parseIperf(stdout).mbit).toBeGreaterThan(least);
        expect(parseIperf(stdout).mbit).toBeLessThanOrEqual(most);
      }
      const [reading] = await sandbox.current.json<Array<{ net: NetStats }>>(['stats', 'web']);
      expect(reading?.net).toMatchObject({ rxLimitBps: 1e6, txLimitBps: 2e6 });
      expect(reading?.net.rxBytes).toBeGreaterThan(4e5);
      expect(reading?.net.txBytes).toBeGreaterThan(8e5);
      expect((await compart('rm', '--force', 'web')).status).toBe(0);
    },
    PATIENCE_MS,
  );

  it(
    'changes the rate of a connection that lives',
    async () => {
      const rates = ['1mbit', '3mbit', '1mbit'] as const;
      const [before, between, after] = await ratesThroughSet(host, { compart, start }, 5363, rates, PHASE_S);
      for (const slow of [before, after]) expect(slow).toBeLessThan(1.15);
      expect(between).toBeGreaterThan(2.4);
      expect(between).toBeLessThan(3.15);
    },
    PATIENCE_MS,
  );

  it('cannot change the link from inside, nor enter the stack of the host', async () => {
    const script = [
      'tc qdisc del dev eth0 root 2>/dev/null && echo lifted',
      'ip link del eth0 2>/dev/null && echo cut',
      'nsenter --net=/proc/1/ns/net true 2>/dev/null && echo left',
      'id -u',
    ].join('; ');
    const { stdout } = await compart('run', '--net', '10mbit', '--', 'sh', '-c', script);
    expect(stdout).toBe(`${process.getuid?.()}\n`);
  });

  it('--net none has its loopback and nothing else', async () => {
    const { stdout, status } = await compart('run', '--net', 'none', '--', 'ip', '-brief', 'link');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^lo +UNKNOWN[^\n]*\n$/);
  });

  it('leaves a stack to gc where compart is killed, and no process after it', async () => {
    const words = ['run', '--name', 'web', '--net', '1mbit', '--', 'sleep', '600'];
    const running = sandbox.current.start(words, { stdout: 'ignore', stderr: 'ignore' });
    await until(
      'the command',
      async () => (await sandbox.current.json<Inspection[]>(['ps']))[0]?.state === 'running',
    );
    running.kill('SIGKILL');
    await running;
    expect(await compart('gc')).toEqual({ status: 0, stdout: 'web\n', stderr: '' });
    expect(await sandbox.current.json(['ps'])).toEqual([]);
    await until('the end of all', () => processesOf(sandbox.current).length === 0);
  });
});

/** Ports that somebody listens on. */
async function listening(): Promise<number[]> {
  const { stdout } = await execa('ss', ['-Hltn']);
  return stdout.split('\n').map((line) => Number(/:(\d+)\s/.exec(line)?.[1] ?? 0));
}
