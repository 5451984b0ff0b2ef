import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest } from '@jest/globals';
import { reasonOf } from '../../src/shared/errors.js';
import { LOAD_PIDS, LOAD_VM, RUN } from '../support/crash-operations.js';
import { dirsOf } from '../support/crash.js';
import { ERRNOS, FaultyFs, type Fault } from '../support/faults.js';
import { runs, until } from '../support/programs.js';
import { LEAVES, requires } from '../support/requires.js';
import { COMPART, useSandbox, type Answer } from '../support/sandbox.js';
import type { Inspection } from '../support/shapes.js';

const faulty = new FaultyFs();
jest.unstable_mockModule('node:fs', () => faulty.module);
// What the imports above have loaded of src has the real one.
jest.resetModules();
const { runLine } = await import('../../src/cli/line.js');
const { openTerminal } = await import('../../src/cli/terminal.js');
const { Host } = await import('../../src/host/host.js');
const { Caller } = await import('../../src/host/caller.js');
const { descendants } = await import('../../src/host/proc/tree.js');
const { readStat } = await import('../../src/host/proc/stat.js');

const sandbox = useSandbox();
const LIMITS = ['groups', 'cgroup-memory', 'cgroup-pids'];

/** One thing that compart does to a compartment named victim, and what there is before. */
interface Operation {
  what: string;
  args: string[];
  /** Besides what all need (test/support/requires.ts). */
  needs?: string[];
  /** Subsystems to load before; a process is attached then. */
  before: string[][];
  /** Does it make a compartment, of which nothing may be left where that fails? */
  makes?: boolean;
  /** Is there one whose monitor was killed, to be swept? */
  crashed?: boolean;
}

const DETACHED = ['run', '-d', ...RUN, 'sleep', '1000'];
const BOTH = [LOAD_VM, LOAD_PIDS];

const OPERATIONS: Operation[] = [
  { what: 'run', before: [], args: ['run', ...RUN, 'true'], makes: true },
  { what: 'run -d', before: [], args: DETACHED, makes: true },
  { what: 'load of a new one', before: [], args: LOAD_VM, makes: true },
  { what: 'load into one', before: [LOAD_VM], args: LOAD_PIDS },
  { what: 'unload of one of two', before: BOTH, args: ['unload', 'victim/pids'] },
  { what: 'unload of both', before: BOTH, args: ['unload', 'victim'], needs: [LEAVES] },
  { what: 'set', before: BOTH, args: ['set', 'victim', '--mem', '64M', '--pids', '20'] },
  { what: 'gc', before: [], crashed: true, args: ['gc'] },
];

/** A command line in this process, as one of its own. */
async function line(args: readonly string[], fault: Fault | null = null): Promise<Answer> {
  const said = { 1: '', 2: '' };
  const env = { ...process.env, ...sandbox.current.env };
  const host = Host.current(new Caller({ env }));
  const terminal = openTerminal(host, [COMPART], (fd, text) => void (said[fd] += String(text)));
  const status = await faulty.living(fault, () => runLine(args, terminal));
  return { status, stdout: said[1], stderr: said[2] };
}

async function done(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await line(args);
  expect({ args, status, stderr }).toEqual({ args, status: 0, stderr: '' });
  return stdout;
}

const folder = (): string => `${sandbox.current.state}/compartments`;
const recordFile = (name: string): string => `${folder()}/${name}/record.json`;
const hasVictim = (): boolean => existsSync(recordFile('victim'));

/** All that there is of the victim, with a record or without. */
const remains = (): unknown => ({
  dirs: dirsOf(sandbox.current, 'victim'),
  state: readdirSync(folder()).filter((entry) => entry !== 'bystander'),
});
const NOTHING = { dirs: [], state: [] };

/** The victim as the kernel has it: what is in force, its directories, and those that its process is in. */
interface View {
  limits: Record<string, unknown>;
  dirs: string[];
  inside: string[];
}

let guest: ChildProcess | null = null;

async function look(): Promise<View | null> {
  if (!hasVictim()) return null;
  const { pid, subsystems } = JSON.parse(await done(['inspect', 'victim'])) as Inspection;
  const dirs = dirsOf(sandbox.current, 'victim');
  const process = String(guest?.pid ?? pid);
  return {
    limits: Object.fromEntries(
      Object.entries(subsystems).map(([kind, { limits }]) => [kind, limits as unknown]),
    ),
    dirs,
    inside: dirs.filter((dir) => readFileSync(`${dir}/cgroup.procs`, 'utf8').split('\n').includes(process)),
  };
}

async function endGuest(): Promise<void> {
  if (guest === null) return;
  const ended = once(guest, 'exit');
  guest.kill('SIGKILL');
  if (guest.exitCode === null && guest.signalCode === null) await ended;
  guest = null;
}

/** What this process has started of compart's. */
const launched = (): number[] =>
  descendants('/proc', process.pid).filter((pid) => readStat('/proc', pid)?.command.startsWith('compart'));

async function leaveNothing(): Promise<void> {
  if (hasVictim()) await done(['rm', '--force', 'victim']);
  await endGuest();
  expect(remains()).toEqual(NOTHING);
}

async function prepare({ before, crashed }: Operation): Promise<void> {
  await leaveNothing();
  if (crashed === true) {
    await done(DETACHED);
    const { owner } = JSON.parse(readFileSync(recordFile('victim'), 'utf8')) as { owner: { pid: number } };
    process.kill(owner.pid, 'SIGKILL');
    await until('the end of the monitor', () => !runs(owner.pid));
  }
  if (before.length === 0) return;
  for (const args of before) await done(args);
  guest = spawn('sleep', ['1000'], { stdio: 'ignore' });
  expect(await line(['attach', 'victim', String(guest.pid)])).toMatchObject({ status: 0 });
}

/** The two states of the victim between which there is none. */
interface Ends {
  before: View | null;
  after: View | null;
}

/** Does the operation with a fault and looks at what came of it; there is a victim to do it to already. */
async function suffer({ args, makes }: Operation, fault: Fault, ends: Ends): Promise<void> {
  const { status, stderr } = await line(args, fault);
  expect(stderr).not.toContain('report it');
  for (const said of stderr.split('\n').slice(0, -1)) expect(said).toMatch(/^compart: ./);
  const left = remains();
  if (status !== 0) {
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: expect.stringContaining(reasonOf(fault.errno)),
    });
    if (makes === true && !fault.lasting) expect(left).toEqual(NOTHING);
  }
  const isInForce = stderr.includes('is left as it is') || stderr.includes('was changed as asked');
  const mayBe = status === 0 && !stderr.includes('left alone') ? [ends.after] : [ends.before, ends.after];
  // What is in force of limits between the two is said, and only there.
  if (args[0] === 'set' && (status === 0 || !isInForce))
    expect(await look()).toEqual(status === 0 ? ends.after : ends.before);
  await done(['gc']);
  const view = await look();
  if (view === null) expect(remains()).toEqual(NOTHING);
  if (args[0] !== 'set' || !isInForce) expect(mayBe).toContainEqual(view);
}

/** Every call of an operation that fails once; the changes for every reason, and once with all calls after them. */
function faultsOf(calls: readonly string[]): Fault[] {
  return calls.flatMap((call, index) => {
    const at = index + 1;
    const errno = ERRNOS[at % ERRNOS.length]!;
    if (call.startsWith('read')) return [{ errno, at, lasting: false }];
    return [...ERRNOS.map((each) => ({ errno: each, at, lasting: false })), { errno, at, lasting: true }];
  });
}

describe('ENOSPC, EMFILE and EIO', () => {
  let bystander = { record: '', dirs: [''], pid: 0 };
  const seenOfBystander = (): typeof bystander => {
    const record = readFileSync(recordFile('bystander'), 'utf8');
    const { main } = JSON.parse(record) as { main: { pid: number } };
    return { record, dirs: dirsOf(sandbox.current, 'bystander'), pid: runs(main.pid) ? main.pid : 0 };
  };

  beforeEach(async () => {
    const flags = ['--name', 'bystander', '--mem', '64M'];
    expect(await sandbox.current.compart(['run', '-d', ...flags, '--', 'sleep', '1000'])).toMatchObject({
      status: 0,
    });
    bystander = seenOfBystander();
  });
  afterEach(async () => {
    await leaveNothing();
    await until('the end of launchers and monitors', () => launched().length === 0);
    await sandbox.current.compart(['rm', '--force', 'bystander']);
  });

  const suffersAll = async (operation: Operation): Promise<void> => {
    await prepare(operation);
    const before = await look();
    await done(operation.args);
    const { calls } = faulty;
    const ends = { before, after: await look() };
    expect(calls.length).toBeGreaterThan(15);
    for (const fault of faultsOf(calls)) {
      try {
        // What came to no harm is taken for the next.
        if (!isEqual(await look(), before)) await prepare(operation);
        await suffer(operation, fault, ends);
        expect(seenOfBystander()).toEqual(bystander);
      } catch (error) {
        const { at, errno, lasting } = fault;
        const call = `${lasting ? 'from ' : ''}call ${at} of ${calls.length}, ${faulty.calls[at - 1]}`;
        throw new Error(`${operation.what}: ${errno} of ${call}`, { cause: error });
      }
    }
  };
  for (const operation of OPERATIONS)
    requires(...LIMITS, ...(operation.needs ?? []))(
      `of each single call of ${operation.what} are told, leave all or nothing of it, and no other compartment is touched`,
      () => suffersAll(operation),
    );
});

const isEqual = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
