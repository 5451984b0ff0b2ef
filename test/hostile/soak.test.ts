import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { useCorpus } from '../support/corpus.js';
import { numbersFrom, processesOf } from '../support/crash.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { withLentHost, type LentHost } from '../support/lent-host.js';
import { until } from '../support/programs.js';
import { canRun, requires } from '../support/requires.js';
import { COMPART, groupsBelow, useSandbox } from '../support/sandbox.js';

const NEEDS = ['root', 'cc', 'groups', 'cgroup-memory', 'cgroup-pids', 'ip', 'nft', 'tc'];
/** `npm run soak` sets both. */
const KILLS = Number(process.env['COMPART_SOAK_KILLS'] ?? 25);
const SEED = Number(process.env['COMPART_SOAK_SEED'] ?? Date.now() % 2 ** 32);
/** After so many, `gc` must leave nothing but what is whole. */
const ROUND = 25;

const sandbox = useSandbox();
const corpus = useCorpus(NEEDS);

const LIMITS = ['--mem', '32M', '--pids', '20'];
const BRIEF = ['sh', '-c', 'setsid sleep 0.1 & sleep 0.02'];

/**
 * Command lines for compartments of these names. Whether they can do what they say depends on what was killed before.
 * @param loaded never one with a command, which would go on when all is unloaded
 */
const lines = (name: string, loaded: string): Record<string, string[]> => ({
  run: ['run', '--name', name, ...LIMITS, '--', ...BRIEF],
  'run --net': ['run', '--name', name, ...LIMITS, '--net', '10mbit', '--', ...BRIEF],
  'run --strict': ['run', '--strict', '--name', name, ...LIMITS, '--', ...BRIEF],
  'run -d': ['run', '-d', '--name', name, ...LIMITS, '--', 'sleep', '1000'],
  'run -d --net': ['run', '-d', '--name', name, '--net', '10mbit', '--', 'sleep', '1000'],
  'load vm': ['load', 'vm', '--name', loaded, '--mem', '32M'],
  'load pids': ['load', 'pids', '--name', loaded, '--pids', '20'],
  'load net': ['load', 'net', '--name', loaded, '--net', '10mbit'],
  'set of what runs': ['set', name, '--mem', '48M', '--pids', '30'],
  set: ['set', loaded, '--mem', '48M', '--pids', '30'],
  'unload one': ['unload', `${loaded}/pids`],
  unload: ['unload', loaded],
  rm: ['rm', '--force', name],
  'rm of what was loaded': ['rm', '--force', loaded],
  gc: ['gc'],
  ...(canRun('uml')
    ? { boot: ['boot', ...KERNEL_FLAGS, '--name', name, '--mem', '64M', '--net', '10mbit', '--', 'true'] }
    : {}),
});

/** A kill: of what, by which process, after how much of the time that it takes. */
class Killer {
  readonly #host: LentHost;
  readonly #random: () => number;
  readonly #tookMs = new Map<string, number>();

  constructor(host: LentHost, random: () => number) {
    this.#host = host;
    this.#random = random;
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!;
  }

  /** How long each takes where nobody kills it. */
  async measure(): Promise<void> {
    for (const [what, args] of Object.entries(lines('measured', 'loaded'))) {
      const started = performance.now();
      await this.#host.start([COMPART, ...args], { stdout: 'ignore', stderr: 'ignore', cwd: '/' });
      this.#tookMs.set(what, performance.now() - started);
    }
    for (const name of ['measured', 'loaded']) await this.#host.compart('rm', '--force', name);
  }

  /** @returns what was done, in words */
  async kill(): Promise<string> {
    const name = this.#pick(['a', 'b', 'c']);
    const loaded = this.#pick(['x', 'y']);
    const all = lines(name, loaded);
    const what = this.#pick(Object.keys(all));
    const afterMs = this.#random() * 1.2 * (this.#tookMs.get(what) ?? 0);
    const planner = this.#random() < 0.25;
    const started = this.#host.start([COMPART, ...(all[what] ?? [])], {
      stdout: 'ignore',
      stderr: 'ignore',
      cwd: '/',
    });
    await delay(afterMs);
    const victim = (planner ? childOf(started.pid ?? 0) : null) ?? started.pid ?? 0;
    try {
      process.kill(victim, 'SIGKILL');
    } catch {
      // It had ended.
    }
    await started;
    return `${what} of ${name} or ${loaded}${planner ? ', its planner' : ''} after ${afterMs.toFixed(1)} ms`;
  }
}

function childOf(pid: number): number | null {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return first === undefined || first === '' ? null : Number(first);
  } catch {
    return null;
  }
}

/** After `gc` there is nothing that is damaged, or that `gc` has to leave alone. */
async function requireWhole(host: LentHost): Promise<string[]> {
  expect(await host.compart('gc', '--json')).toMatchObject({ status: 0, stderr: '' });
  const { status, stdout, stderr } = await host.compart('ps', '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const names = (JSON.parse(stdout) as Array<{ name: string }>).map(({ name }) => name);
  for (const name of names) expect(await host.compart('inspect', name)).toMatchObject({ status: 0 });
  return names;
}

const mountsOf = async (host: LentHost): Promise<string[]> =>
  (await host.run(['cut', '-d ', '-f5', '/proc/self/mountinfo'])).stdout.split('\n').sort();

/** What runs of this test that is not the test's own, in words. */
const processesLeft = (): string[] =>
  processesOf(sandbox.current).map((pid) => {
    try {
      return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`;
    } catch {
      return String(pid);
    }
  });

describe(`${KILLS} kills at random instants, with seed ${SEED}`, () => {
  requires(...NEEDS)(
    'leave nothing, once gc has been: no process, group, link, namespace, rule, mount or state',
    async () => {
      const said: string[] = [];
      const { median, p99, worst } = await corpus.current.pulse(() =>
        withLentHost(sandbox.current, async (host) => {
          const killer = new Killer(host, numbersFrom(SEED));
          await killer.measure();
          // After the first namespace: ip-netns(8) binds /run/netns over itself for all that come.
          const mounts = await mountsOf(host);
          try {
            for (let kill = 1; kill <= KILLS; kill += 1) {
              said.push(await killer.kill());
              if (kill % ROUND === 0) await requireWhole(host);
            }
            for (const name of await requireWhole(host))
              expect(await host.compart('rm', '--force', name)).toMatchObject({ status: 0 });
            expect(await requireWhole(host)).toEqual([]);
            // A guard looks every 200 ms whether there is still something to guard.
            await until('the end of every process', () => processesLeft().length === 0, 2000).catch(
              () => undefined,
            );
            expect({
              processes: processesLeft(),
              groups: groupsBelow(sandbox.current.base),
              state: readdirSync(`${sandbox.current.state}/compartments`),
            }).toEqual({ processes: [], groups: [], state: [] });
            expect(await mountsOf(host)).toEqual(mounts);
          } catch (error) {
            const last = said.slice(-ROUND).join('\n');
            throw new Error(`seed ${SEED}, after kill ${said.length} of ${KILLS}:\n${last}`, {
              cause: error,
            });
          }
        }),
      );
      process.stdout.write(
        `seed ${SEED}: ${said.length} kills; a task of 5 ms was late by ${median} ms, 99 in 100 by at most ${p99}, the worst by ${worst}\n`,
      );
    },
    60_000 + KILLS * 2000,
  );
});
