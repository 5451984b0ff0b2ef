import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { ResultPromise } from 'execa';
import { parseIperf } from './iperf.js';
import type { Answer } from './sandbox.js';

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** How `set --net` is called, and commands are started, on some host by some caller. */
export interface LiveCaller {
  compart: (...args: string[]) => Promise<Answer>;
  start: (...args: string[]) => ResultPromise;
}

/**
 * Downloads in `live` for 9 s in one connection, to which `set` gives the second rate after 3 s and the third after 6.
 * @returns what it had of each, in Mbit/s, from a second after the change on
 */
export async function ratesThroughSet(
  host: { start: (argv: readonly string[]) => ResultPromise },
  { compart, start }: LiveCaller,
  port: number,
  [first, ...later]: readonly [string, string, string] = ['5mbit', '50mbit', '5mbit'],
): Promise<[number, number, number]> {
  void host.start(['iperf3', '-s', '-1', '-p', String(port)]);
  await delay(300);
  expect(await compart('load', 'net', '--name', 'live', '--net', first)).toMatchObject({ status: 0 });
  const words = ['-c', 'host.compart.internal', '-p', String(port), '-t', '9', '-i', '0.5', '-J', '-R'];
  const client = start('exec', 'live', '--', 'iperf3', ...words);
  for (const rate of later) {
    await delay(3000);
    expect(await compart('set', 'live', '--net', rate)).toMatchObject({ status: 0, stderr: '' });
  }
  const flow = parseIperf(String((await client).stdout));
  expect([flow.error, flow.streams]).toEqual([null, 1]);
  expect(await compart('rm', '--force', 'live')).toMatchObject({ status: 0 });
  return [mean(flow.between(0.5, 2.5)), mean(flow.between(4, 5.5)), mean(flow.between(7, 9))];
}
