import { describe, expect } from '@jest/globals';
import { useGuests } from '../support/guests.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const { detach, exec, remove } = useGuests(sandbox);
const it = requires('root', 'built-kernel', 'cgroup-memory', 'ip', 'tc', 'nft', 'ping', 'iperf3');

/** Runs compart inside a guest, whose kernel has the queues that not every host's has. */
async function inside(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await exec('kernel', COMPART, ...args);
  expect({ args, status, stderr }).toEqual({ args, status: 0, stderr: '' });
  return stdout;
}

/** Milliseconds of each round trip that came back. */
const times = (text: string): number[] =>
  [...text.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time));

interface Inspected {
  subsystems: { net: { enforced: boolean; limits: Record<string, unknown> } };
}

async function limits(name: string): Promise<Record<string, unknown>> {
  const { subsystems } = JSON.parse(await inside('inspect', name)) as Inspected;
  expect(subsystems.net.enforced).toBe(true);
  return subsystems.net.limits;
}

const PING = ['ping', '-c', '5', '-i', '0.2', 'host.compart.internal'];

describe('on a kernel with fq_codel and netem, a stack', () => {
  it('has a fair queue below each shaper, keeps packets for --delay, loses those of --loss, and set changes both', async () => {
    await detach('kernel', '--mem', '512M');
    try {
      await inside('load', 'net', '--name', 'web', '--net', '10mbit/5mbit');
      expect(await limits('web')).toMatchObject({ shaper: 'tbf', rxLimitBps: 10e6, txLimitBps: 5e6 });
      const queues = ['tc', 'qdisc', 'show', 'dev', 'eth0'];
      const plain = await inside('exec', 'web', '--', ...queues);
      expect(plain).toMatch(/^qdisc tbf 1: root .* rate 5Mbit .*\n.*qdisc fq_codel 30: parent 1:1 /);
      expect(plain).not.toContain('htb');
      const outer = (await exec('kernel', 'tc', 'qdisc', 'show', 'dev', 'compart2')).stdout;
      expect(outer).toMatch(/^qdisc tbf 1: root .* rate 10Mbit .*\n.*qdisc fq_codel 30: parent 1:1 /);

      const before = Math.min(...times(await inside('exec', 'web', '--', ...PING)));
      await inside('set', 'web', '--delay', '50ms');
      expect(await limits('web')).toMatchObject({ delayUs: 50_000, rxLimitBps: 10e6, txLimitBps: 5e6 });
      const late = Math.min(...times(await inside('exec', 'web', '--', ...PING)));
      // Each way.
      expect(late).toBeGreaterThanOrEqual(100);
      expect(before).toBeLessThan(100);

      await inside('set', 'web', '--delay', '0', '--loss', '100%');
      const lost = await exec('kernel', COMPART, 'exec', 'web', '--', ...PING);
      expect(lost.stdout).toContain('100% packet loss');
      await inside('set', 'web', '--loss', '0%');
      expect(times(await inside('exec', 'web', '--', ...PING))).toHaveLength(5);
      expect(await limits('web')).toMatchObject({ delayUs: null, lossPercent: null, rxLimitBps: 10e6 });
      await inside('rm', '--force', 'web');

      const born = await inside('run', '--net', '10mbit', '--delay', '50ms', '--loss', '1%', '--', ...queues);
      expect(born).toMatch(/^qdisc tbf 1: root .*\n.*qdisc netem 20: parent 1:1 .* delay 50(\.0)?ms loss 1%/);
      expect((await exec('kernel', 'ip', '-brief', 'link')).stdout).not.toContain('compart');
    } finally {
      await remove('kernel');
    }
  }, 180_000);

  it('is held to its rate in both directions', async () => {
    await detach('kernel', '--mem', '512M');
    try {
      await inside('load', 'net', '--name', 'web', '--net', '10mbit/5mbit');
      expect((await exec('kernel', 'iperf3', '-s', '-D', '-p', '5201')).status).toBe(0);
      for (const [flags, mbit] of [
        [['-R'], 10],
        [[], 5],
      ] as const) {
        const words = ['iperf3', '-c', 'host.compart.internal', '-t', '4', '-O', '1', '-J', ...flags];
        const { end } = JSON.parse(await inside('exec', 'web', '--', ...words)) as {
          end: { sum_received: { bits_per_second: number } };
        };
        const got = end.sum_received.bits_per_second / 1e6;
        process.stderr.write(`in a guest, ${mbit} mbit asked: ${got.toFixed(2)} Mbit/s\n`);
        expect(got).toBeLessThanOrEqual(mbit * 1.01);
        // A guest on a busy host has less CPU than it takes.
        expect(got).toBeGreaterThan(mbit * 0.7);
      }
    } finally {
      await remove('kernel');
    }
  }, 180_000);
});
