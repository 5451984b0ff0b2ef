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
 * Downloads in `live` in one connection, to which `set` gives the second rate after a third of the time and the third after two.
 * @param phase seconds of each
 * @returns what it had of each, in Mbit/s, from a third of its seconds after the change on
 */
export async function ratesThroughSet(
  host: { start: (argv: readonly string[]) => ResultPromise },
  { compart, start }: LiveCaller,
  port: number,
  [first, ...later]: readonly [string, string, string] = ['5mbit', '50mbit', '5mbit'],
  phase = 3,
): Promise<[number, number, number]> {
  void host.start(['iperf3', '-s', '-1', '-p', String(port)]);
  await delay(300);
  expect(await compart('load', 'net', '--name', 'live', '--net', first)).toMatchObject({ status: 0 });
  const words = ['-c', 'host.compart.internal', '-p', String(port), '-t', String(3 * phase), '-i', '0.5'];
  const client = start('exec', 'live', '--', 'iperf3', ...words, '-J', '-R');
  for (const rate of later) {
    await delay(phase * 1000);
    expect(await compart('set', 'live', '--net', rate)).toMatchObject({ status: 0, stderr: '' });
  }
  const flow = parseIperf(String((await client).stdout));
  expect([flow.error, flow.streams]).toEqual([null, 1]);
  expect(await compart('rm', '--force', 'live')).toMatchObject({ status: 0 });
  const settled = phase * (4 / 3);
  return [
    mean(flow.between(0.5, phase - 0.5)),
    mean(flow.between(settled, 2 * phase - 0.5)),
    mean(flow.between(phase + settled, 3 * phase)),
  ];
}
