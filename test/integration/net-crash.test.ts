import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { numbersFrom, Steps } from '../support/crash.js';
import { withLentHost, type LentHost } from '../support/lent-host.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox, type Sandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const it = requires('root', 'ip', 'tc', 'nft', 'nsenter', 'unshare');
const KILLS = 50;

const FLAGS = ['--name', 'web', '--net', '10mbit/5mbit', '--publish', '18091:80', '--allow', '192.0.2.0/24'];
const LOAD = ['load', 'net', ...FLAGS];

/** What compart does to a stack, and what has to be there before. */
const OPERATIONS: ReadonlyArray<{ what: string; before: string[][]; args: string[] }> = [
  { what: 'run', before: [], args: ['run', ...FLAGS, '--', 'true'] },
  { what: 'load', before: [], args: LOAD },
  { what: 'set', before: [LOAD], args: ['set', 'web', '--net', '50mbit', '--publish', '18092:80'] },
  { what: 'rm', before: [LOAD], args: ['rm', '--force', 'web'] },
];

async function prepare(host: LentHost, before: readonly string[][]): Promise<void> {
  for (const args of before) expect(await host.compart(...args)).toMatchObject({ status: 0, stderr: '' });
}

/** After `gc`, and `rm` of what is whole, the host is as it was. */
async function isMended(host: LentHost, untouched: Record<string, string>): Promise<void> {
  expect(await host.compart('gc')).toMatchObject({ status: 0, stderr: '' });
  const { stdout } = await host.compart('ps', '--json');
  for (const { name } of JSON.parse(stdout) as Array<{ name: string }>) {
    // What is left stands whole: it is held, and a command gets in.
    expect(await host.compart('exec', name, '--', 'true')).toMatchObject({ status: 0, stderr: '' });
    expect(await host.compart('rm', '--force', name)).toMatchObject({ status: 0, stderr: '' });
  }
  let now: Record<string, string> = {};
  await until('the host is as it was', async () => {
    now = await host.state();
    return JSON.stringify(now) === JSON.stringify(untouched);
  }).catch(() => expect(now).toEqual(untouched));
}

describe('SIGKILL of compart', () => {
  it(
    `at ${KILLS} random moments of run, load, set and rm of a stack leaves nothing that gc does not take away`,
    () =>
      withLentHost(sandbox.current, async (host) => {
        const untouched = await host.state();
        const seed = Date.now() % 2 ** 32;
        const random = numbersFrom(seed);
        const wholeMs = new Map<string, number>();
        for (const { what, before, args } of OPERATIONS) {
          await prepare(host, before);
          const started = performance.now();
          expect(await host.compart(...args)).toMatchObject({ status: 0 });
          wholeMs.set(what, performance.now() - started);
          await isMended(host, untouched);
        }
        for (let kill = 0; kill < KILLS; kill += 1) {
          const { what, before, args } = OPERATIONS[kill % OPERATIONS.length]!;
          const afterMs = random() * 1.2 * (wholeMs.get(what) ?? 0);
          await prepare(host, before);
          try {
            const victim = host.start([COMPART, ...args], { stdout: 'ignore', stderr: 'ignore' });
            await delay(afterMs);
            victim.kill('SIGKILL');
            await victim;
            await isMended(host, untouched);
          } catch (error) {
            throw new Error(`${what}, seed ${seed}, kill ${kill}, after ${afterMs.toFixed(1)} ms`, {
              cause: error,
            });
          }
        }
      }),
    900_000,
  );

  it.each(OPERATIONS)(
    'before each single change that $what makes leaves no half of a stack',
    ({ what, before, args }) =>
      withLentHost(sandbox.current, async (host) => {
        const untouched = await host.state();
        const onHost: Sandbox = {
          ...sandbox.current,
          start: (words, options) => host.start([COMPART, ...words], options),
          compart: (words, options) => host.run([COMPART, ...words], options),
        };
        const steps = new Steps(onHost);
        await prepare(host, before);
        const count = await steps.count(args);
        await isMended(host, untouched);
        for (let step = 1; step <= count; step += 1) {
          await prepare(host, before);
          try {
            const ended = await steps.dieAt(step, args, false);
            // The number of waits for others' turns is not the same each time.
            if (ended !== null) expect(ended).toMatch(/^exit 0/);
            await isMended(host, untouched);
          } catch (error) {
            throw new Error(`${what}, killed before change ${step} of ${count}`, { cause: error });
          }
        }
      }),
    900_000,
  );
});
