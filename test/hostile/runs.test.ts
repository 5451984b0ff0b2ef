import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { STRANGER, strangers, useCorpus } from '../support/corpus.js';
import { numbersFrom, processesOf } from '../support/crash.js';
import { flagsOf, requireCharge, requireHeld, requireShare } from '../support/held.js';
import { KERNEL_FLAGS } from '../support/kernels.js';
import { until } from '../support/programs.js';
import { canRun, requires } from '../support/requires.js';
import { groupsBelow, useSandbox } from '../support/sandbox.js';
import type { ExitRecord } from '../support/shapes.js';

const NEEDS = ['root', 'cc', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids'];
/** `npm run soak:hostile` sets both. */
const RUNS = Number(process.env['COMPART_SOAK_RUNS'] ?? 24);
const SEED = Number(process.env['COMPART_SOAK_SEED'] ?? Date.now() % 2 ** 32);
const LONG = process.env['COMPART_SOAK_RUNS'] !== undefined;
/** That many go on at a time; after each such round nothing may be left. */
const AT_ONCE = 4;
const BOUNDS = { mib: 48, percent: 20, tasks: 32, timeout: '400ms' };
/** Of a task of 5 ms on the host, 99 times in 100. */
const LATE_MS = 20;

const PROGRAMS = [
  ...['plain', 'sessions', 'daemons', 'vfork', 'namespaces', 'threads'].map((mode) => ['forks', mode]),
  ...['anonymous', 'shared', 'memfd', 'tmpfs', 'segments', 'pipes', 'sockets'].map((mode) => [
    'memory',
    mode,
  ]),
  ...['locked', 'huge', 'cache', 'dentries'].map((mode) => ['memory', mode]),
  ...['output', 'disk', 'cpus', 'descriptors'].map((mode) => ['flood', mode]),
];
const HOW = [
  ['run'],
  ['run', '--user', `${STRANGER}:${STRANGER}`],
  ['run', '--strict', '--user', `${STRANGER}:${STRANGER}`],
  ['run', '--net', '10mbit', '--user', `${STRANGER}:${STRANGER}`],
];

const sandbox = useSandbox();
const corpus = useCorpus(NEEDS);

/** One run of one program of the corpus, whatever chance says. */
class Hostility {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!;
  }

  /** @returns what is run, in words, and the end of it */
  one(number: number): { what: string; ended: Promise<void> } {
    const [program = '', mode = ''] = this.#pick(PROGRAMS);
    const inGuest = canRun('uml') && this.#random() < 0.1;
    const how = inGuest ? ['boot', ...KERNEL_FLAGS] : this.#pick(HOW);
    const ended = inGuest ? this.#boot(number, how, program, mode) : this.#run(number, how, program, mode);
    return { what: `${how.join(' ')} -- ${program} ${mode}`, ended };
  }

  async #run(number: number, how: readonly string[], program: string, mode: string): Promise<void> {
    const command = [corpus.current.path(program), mode];
    requireHeld(await recordOf(number, [...how, ...flagsOf(BOUNDS)], command), BOUNDS);
  }

  async #boot(number: number, how: readonly string[], program: string, mode: string): Promise<void> {
    const flags = ['--mem', '64M', '--cpu', `${BOUNDS.percent}%`, '--timeout', '1s'];
    const mount = ['--mount', `${corpus.current.dir}:/corpus:ro`];
    const record = await recordOf(number, [...how, ...flags, ...mount], [`/corpus/${program}`, mode]);
    requireCharge(record);
    requireShare(record, BOUNDS.percent);
  }
}

async function recordOf(
  number: number,
  words: readonly string[],
  command: readonly string[],
): Promise<ExitRecord> {
  const report = `${sandbox.current.dir}/report-${number}.json`;
  // A folder of its own for what it writes there.
  const cwd = `${corpus.current.dir}/run-${number}`;
  mkdirSync(cwd, { mode: 0o777 });
  const argv = [...words, '--report', report, '--', ...command];
  const { stderr } = await sandbox.current.compart(argv, { stdout: 'ignore', cwd });
  try {
    return JSON.parse(readFileSync(report, 'utf8')) as ExitRecord;
  } catch (error) {
    throw new Error(`no record: ${stderr}`, { cause: error });
  }
}

const remains = (): unknown => ({
  strangers: strangers(),
  processes: processesOf(sandbox.current),
  groups: groupsBelow(sandbox.current.base),
  state: readdirSync(`${sandbox.current.state}/compartments`),
});
const NOTHING = { strangers: [], processes: [], groups: [], state: [] };

describe(`${RUNS} runs of hostile programs, with seed ${SEED}`, () => {
  requires(...NEEDS, 'ip', 'nft')(
    'are held, each of them, and leave nothing: no process, group or state',
    async () => {
      const hostility = new Hostility(numbersFrom(SEED));
      const { median, p99, worst } = await corpus.current.pulse(async () => {
        for (let done = 0; done < RUNS; done += AT_ONCE) {
          const runs = Array.from({ length: AT_ONCE }, (_, index) => hostility.one(done + index));
          try {
            await Promise.all(runs.map(({ ended }) => ended));
            await until('nothing is left', () => JSON.stringify(remains()) === JSON.stringify(NOTHING)).catch(
              () => undefined,
            );
            expect(remains()).toEqual(NOTHING);
          } catch (error) {
            const which = runs.map(({ what }) => what).join('\n');
            throw new Error(`seed ${SEED}, among runs ${done} to ${done + AT_ONCE - 1}:\n${which}`, {
              cause: error,
            });
          }
        }
      });
      process.stdout.write(
        `seed ${SEED}: ${RUNS} hostile runs; a task of 5 ms was late by ${median} ms, 99 in 100 by at most ${p99}, the worst by ${worst}\n`,
      );
      // A machine that is busy with more than this says nothing of it.
      if (LONG) expect(p99).toBeLessThan(LATE_MS);
    },
    60_000 + RUNS * 3000,
  );
});
