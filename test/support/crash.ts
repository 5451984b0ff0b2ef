import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runs } from './programs.js';
import { hierarchies, type Sandbox } from './sandbox.js';

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Every process whose first environment has all these variables, as `NAME=value` or the beginning of it. */
function processesWith(...variables: string[]): number[] {
  const isThere = (environment: string[]): boolean =>
    variables.every((variable) => environment.some((each) => each.startsWith(variable)));
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return isThere(readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')) && runs(pid);
      } catch {
        return false;
      }
    });
}

/** Every process that was started with the state folder of this sandbox: commands, monitors, compart itself. */
export const processesOf = ({ state }: Sandbox): number[] => processesWith(`COMPART_STATE=${state}`);

/** Those that plan for another: they die with it, by the kernel, in their own time. */
export const plannersOf = ({ state }: Sandbox): number[] =>
  processesWith(`COMPART_STATE=${state}`, 'COMPART_FRONT=');

/** Who is in charge of a compartment and its command, as its record has them. */
export const recordOf = (
  { state }: Sandbox,
  name: string,
): { owner: { pid: number } | null; main: { pid: number } | null } =>
  JSON.parse(readFileSync(`${state}/compartments/${name}/record.json`, 'utf8')) as ReturnType<
    typeof recordOf
  >;

/** The pid of who is in charge of a compartment; null where there is none, or nobody is. */
export function ownerOf(sandbox: Sandbox, name: string): number | null {
  try {
    return recordOf(sandbox, name).owner?.pid ?? null;
  } catch {
    return null;
  }
}

/** The directories of one compartment, in all hierarchies. */
export function dirsOf({ base }: Sandbox, name: string): string[] {
  return hierarchies().flatMap((mount) => {
    try {
      return readdirSync(mount + base).includes(name) ? [`${mount}${base}/${name}`] : [];
    } catch {
      return [];
    }
  });
}

/** What is loaded, in one word. */
export const kindsOf = (subsystems: object): string => Object.keys(subsystems).sort().join(',');

/** Those of these directories that hold the process. */
export const groupsWith = (dirs: string[], pid: number | null): string[] =>
  dirs.filter((dir) => readFileSync(`${dir}/cgroup.procs`, 'utf8').split('\n').includes(String(pid)));

const LIMITED_BY = { vm: 'memory.max', pids: 'pids.max' };

/** Limits that are in force in these directories of kinds that are not among those loaded. */
export const strayLimits = (dirs: readonly string[], loaded: object): string[] =>
  Object.entries(LIMITED_BY)
    .filter(([kind]) => !(kind in loaded))
    .flatMap(([, file]) => dirs.map((dir) => `${dir}/${file}`))
    .filter((path) => existsSync(path) && readFileSync(path, 'utf8') !== 'max\n');

/** The calls of node:fs by which compart changes anything: files of its state, and those of the kernel. */
export const CHANGES = [
  'mkdirSync',
  'rmdirSync',
  'renameSync',
  'rmSync',
  'unlinkSync',
  'symlinkSync',
  'writeFileSync',
  'writeSync',
] as const;

/**
 * Loaded into Node before compart: counts what it changes (files, groups, processes it starts) and, just before the
 * change of number COMPART_TEST_DIE_AT, kills with SIGKILL the process that the caller started, or with
 * COMPART_TEST_PLANNER this one alone. Without a number, it writes how many there were.
 */
export const HOOK = `
const fs = require('node:fs');
const child = require('node:child_process');
const { COMPART_TEST_DIE_AT: at, COMPART_TEST_COUNT_TO: to, COMPART_TEST_PLANNER: alone, COMPART_FRONT: front } = process.env;
const victim = front === undefined || alone !== undefined ? process.pid : process.ppid;
delete process.env.NODE_OPTIONS;
const write = fs.writeFileSync;
const reads = (flags) => flags === undefined || flags === 'r' || flags === 0;
let count = 0;
const step = () => {
  count += 1;
  if (String(count) === at) for (process.kill(victim, 'SIGKILL');;);
};
const wrap = (owner, name, counts = () => true) => {
  const original = owner[name];
  owner[name] = function (...args) {
    if (counts(args)) step();
    return original.apply(this, args);
  };
};
for (const name of ${JSON.stringify(CHANGES)}) wrap(fs, name);
wrap(fs, 'openSync', ([, flags]) => !reads(flags));
wrap(child, 'spawn');
if (to !== undefined) process.on('exit', () => write(to, String(count)));
`;

const PLANNER_ENDED = 'compart: the planner ended; compart gc removes what is left\n';

/** Kills compart between any two of its changes. */
export class Steps {
  readonly #sandbox: Sandbox;
  readonly #env: Record<string, string>;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
    const hook = `${sandbox.dir}/hook.cjs`;
    writeFileSync(hook, HOOK);
    this.#env = { NODE_OPTIONS: `--require ${hook}`, COMPART_PLANNER: 'node' };
  }

  /** How many changes this command line makes; it must succeed. */
  async count(args: readonly string[]): Promise<number> {
    const file = `${this.#sandbox.dir}/count`;
    const answer = await this.#sandbox.compart(args, {
      env: { ...this.#env, COMPART_TEST_COUNT_TO: file },
    });
    if (answer.status !== 0) throw new Error(`compart ${args.join(' ')}: ${answer.stderr}`);
    return Number(readFileSync(file, 'utf8'));
  }

  /**
   * Runs it and kills it before change number `step`, counted from 1; with `planner`, only the Node in it.
   * @returns how it ended if it was not killed
   */
  async dieAt(step: number, args: readonly string[], planner: boolean): Promise<string | null> {
    const env = {
      ...this.#env,
      COMPART_TEST_DIE_AT: String(step),
      ...(planner ? { COMPART_TEST_PLANNER: '1' } : {}),
    };
    // A file: what it leaves running would keep a pipe open.
    const file = `${this.#sandbox.dir}/stderr`;
    const { signal, exitCode } = await this.#sandbox.start(args, { env, stdout: 'ignore', stderr: { file } });
    const said = readFileSync(file, 'utf8');
    const died = signal === 'SIGKILL' || (planner && exitCode === 125 && said === PLANNER_ENDED);
    return died ? null : `exit ${exitCode ?? String(signal)}: ${said}`;
  }
}
