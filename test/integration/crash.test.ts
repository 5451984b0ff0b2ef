import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { LOAD_PIDS, LOAD_VM, OPERATIONS, RUN, type Operation } from '../support/crash-operations.js';
import {
  dirsOf,
  groupsWith,
  kindsOf,
  numbersFrom,
  ownerOf,
  plannersOf,
  processesOf,
  recordOf,
  Steps,
  strayLimits,
} from '../support/crash.js';
import { groupsOf, MIB, runs, until } from '../support/programs.js';
import { canRun, LEAVES, requires } from '../support/requires.js';
import { processesBelow, useSandbox } from '../support/sandbox.js';
import type { Inspection } from '../support/shapes.js';

const sandbox = useSandbox();
const LIMITS = ['groups', 'cgroup-memory', 'cgroup-pids'];
const withLimits = requires(...LIMITS);
const MOMENTS = 50;
/** A guest does system calls at a dozenth of the host's speed (test/systems). */
const LONG_MS = 900_000;
const QUIET = { stdout: 'ignore', stderr: 'ignore' } as const;

/** A compartment beside, which must come to no harm. */
let bystander: { pid: number | null; processes: number[] };

async function seenOfBystander(): Promise<unknown> {
  const { name, state, pid, subsystems } = await sandbox.current.json<Inspection>(['inspect', 'bystander']);
  return {
    name,
    state,
    pid,
    limitBytes: subsystems.vm.limits['limitBytes'],
    dirs: dirsOf(sandbox.current, 'bystander').length,
  };
}

/** What was attached, ended with its test. */
const guests: ChildProcess[] = [];
let untouched: unknown;
/** The directories of a victim with these kinds, as they are without a crash. */
let dirsByKinds: Record<string, string[]>;
/** Everything that belongs to no compartment but the bystander. */
function remains(): unknown {
  const { current } = sandbox;
  return {
    dirs: dirsOf(current, 'victim'),
    state: readdirSync(`${current.state}/compartments`).filter((entry) => entry !== 'bystander'),
    processes: processesOf(current).filter((pid) => !bystander.processes.includes(pid)),
  };
}

const NOTHING = { dirs: [], state: [], processes: [] };

const hasVictim = (): boolean => readdirSync(`${sandbox.current.state}/compartments`).includes('victim');

/** Gets to where the operation starts. @returns the attached process, or null */
async function prepare({ before, crashed }: Operation): Promise<ChildProcess | null> {
  const { current } = sandbox;
  if (crashed === true) await leaveCrashed();
  if (before.length === 0) return null;
  for (const args of before) expect((await current.compart(args)).status).toBe(0);
  const guest = spawn('sleep', ['1000'], { stdio: 'ignore' });
  guests.push(guest);
  expect((await current.compart(['attach', 'victim', String(guest.pid)])).status).toBe(0);
  return guest;
}

/** Leaves a victim whose command runs, and whose compart was killed. */
async function leaveCrashed(): Promise<void> {
  const subprocess = sandbox.current.start(['run', ...RUN, 'sleep', '1000'], QUIET);
  await until('the command', () => hasVictim() && recordOf(sandbox.current, 'victim').main !== null);
  subprocess.kill('SIGKILL');
  await subprocess;
}

/** The victim as it is after the crash and `gc`: every subsystem with its directory, every process in all of them. */
async function requireWhole(operation: Operation, guest: ChildProcess | null): Promise<void> {
  const { current } = sandbox;
  const { state, pid, subsystems } = await current.json<Inspection>(['inspect', 'victim']);
  const dirs = dirsOf(current, 'victim');
  const stray = strayLimits(dirs, subsystems);
  const needed = dirsByKinds[kindsOf(subsystems)] ?? [];
  // On v1 a process that may not leave is left where it is, with the limits there lifted.
  const expected =
    canRun(LEAVES) || !canRun('cgroup-v1') ? needed : (expect.arrayContaining(needed) as unknown);
  expect({ dirs, stray }).toEqual({ dirs: expected, stray: [] });
  if ('vm' in subsystems) expect([32 * MIB, 64 * MIB]).toContain(subsystems.vm.limits['limitBytes']);
  if ('pids' in subsystems) expect([10, 20]).toContain(subsystems.pids.limits['limit']);
  const process = guest?.pid ?? pid;
  expect({ state, groups: groupsWith(dirs, process) }).toEqual(
    process === null ? { state: 'created', groups: [] } : { state: 'running', groups: dirs },
  );
  // What a crash interrupted can be done again, or was done.
  const again = await current.compart([...operation.args.slice(0, 1), '--json', ...operation.args.slice(1)]);
  if (again.status !== 0) expect(again.stderr).toMatch(/"ERR_COMPART_(EXISTS|NOT_FOUND)"/);
  if (hasVictim()) expect((await current.compart(['rm', '--force', 'victim'])).status).toBe(0);
}

/** After a crash: `gc` leaves the victim as a whole, which can be removed, or nothing of it. */
async function requireMended(operation: Operation, guest: ChildProcess | null): Promise<void> {
  const { current } = sandbox;
  // What a planner holds that is not dead yet is nobody's to sweep.
  await until('the end of its planner', () => plannersOf(current).length === 0);
  expect(await current.compart(['gc', '--json'])).toMatchObject({ status: 0, stderr: '' });
  if (hasVictim()) {
    expect(operation.lasts).toBe(true);
    await requireWhole(operation, guest);
  } else if (guest?.pid !== undefined) {
    expect(
      [...groupsOf(`/proc/${guest.pid}`).values()].filter((path) =>
        path.startsWith(`${current.base}/victim`),
      ),
    ).toEqual([]);
  }
  if (guest !== null && guest.exitCode === null && guest.signalCode === null) {
    guest.kill('SIGKILL');
    await once(guest, 'exit');
  }
  // A launcher on its way and a monitor without its command take a moment to see that they are alone.
  await until('the end of what is outside', () => outside().length === 0);
  expect(remains()).toEqual(NOTHING);
}

/** Processes of this test that are in no compartment: launchers and monitors, save those in charge of one. */
function outside(): number[] {
  const { current } = sandbox;
  const known = new Set([
    ...bystander.processes,
    ...processesBelow(current.base),
    ownerOf(current, 'victim'),
  ]);
  return processesOf(current).filter((pid) => !known.has(pid));
}

describe('SIGKILL of compart, then gc', () => {
  beforeEach(async () => {
    const { current } = sandbox;
    const beside = ['--name', 'bystander', '--mem', '64M', '--', 'sleep', '1000'];
    const { stdout } = await current.compart(['run', '-d', '--json', ...beside]);
    const { pid } = JSON.parse(stdout) as Inspection;
    bystander = { pid, processes: processesOf(current) };
    untouched = await seenOfBystander();
    expect(untouched).toMatchObject({ state: 'running', pid, limitBytes: 64 * MIB });
    // It has all that this user may have.
    const { subsystems } = await current.json<Inspection>(['inspect', 'bystander']);
    dirsByKinds = {
      [kindsOf(subsystems)]: dirsOf(current, 'bystander').map((dir) => dir.replace(/bystander$/, 'victim')),
    };
    await current.compart(LOAD_VM);
    dirsByKinds['vm'] = dirsOf(current, 'victim');
    await current.compart(LOAD_PIDS);
    dirsByKinds['pids,vm'] = dirsOf(current, 'victim');
    await current.compart(['rm', 'victim']);
  });

  afterEach(async () => {
    for (const guest of guests.splice(0)) guest.kill('SIGKILL');
    await sandbox.current.compart(['rm', '--force', 'bystander']);
    await until('the end of the monitor', () => processesOf(sandbox.current).length === 0);
  });

  withLimits(
    `at ${MOMENTS} random moments of run, run -d, load, unload and set leaves nothing and touches no other compartment`,
    async () => {
      const { current } = sandbox;
      const seed = Date.now() % 2 ** 32;
      const random = numbersFrom(seed);
      const duration = new Map<Operation, number>();
      const possible = OPERATIONS.filter(({ needs = [] }) => canRun(...needs));
      for (const operation of possible) {
        const guest = await prepare(operation);
        const started = performance.now();
        expect((await current.compart(operation.args)).status).toBe(0);
        duration.set(operation, performance.now() - started);
        await requireMended(operation, guest);
      }
      const operations = possible.filter(({ planner }) => planner !== true);
      for (let moment = 0; moment < MOMENTS; moment += 1) {
        const operation = operations[moment % operations.length]!;
        const guest = await prepare(operation);
        const afterMs = random() * 1.3 * (duration.get(operation) ?? 0);
        try {
          const subprocess = current.start(operation.args, QUIET);
          await delay(afterMs);
          subprocess.kill('SIGKILL');
          await subprocess;
          await requireMended(operation, guest);
          expect(await seenOfBystander()).toEqual(untouched);
        } catch (error) {
          const when = `seed ${seed}, moment ${moment}: killed after ${afterMs.toFixed(1)} ms`;
          throw new Error(`${operation.what}, ${when}`, { cause: error });
        }
      }
    },
    LONG_MS,
  );

  for (const operation of OPERATIONS)
    requires(...LIMITS, ...(operation.needs ?? []))(
      `before each single change that ${operation.what} makes leaves nothing and touches no other compartment`,
      async () => {
        const { current } = sandbox;
        const steps = new Steps(current);
        const first = await prepare(operation);
        const count = await steps.count(operation.args);
        expect(count).toBeGreaterThan(3);
        await requireMended(operation, first);
        for (let step = 1; step <= count; step += 1) {
          const guest = await prepare(operation);
          try {
            const end = await steps.dieAt(step, operation.args, operation.planner === true);
            // The last changes are not the same in every life of it: a wait is shorter, a folder was there already.
            if (step < count - 3) expect(end).toBeNull();
            await requireMended(operation, guest);
          } catch (error) {
            throw new Error(`${operation.what}, killed before change ${step} of ${count}`, { cause: error });
          }
        }
        expect(await seenOfBystander()).toEqual(untouched);
      },
      LONG_MS,
    );

  withLimits(
    'ends the command of a foreground run, its children in sessions of their own included',
    async () => {
      const { current } = sandbox;
      const subprocess = current.start(
        ['run', '--name', 'victim', '--', 'sh', '-c', 'setsid sleep 1000 & sleep 1001; :'],
        QUIET,
      );
      const pids = await until('3 processes', () => {
        const found = [...new Set(processesBelow(current.base))].filter((pid) => pid !== bystander.pid);
        return found.length === 3 ? found : null;
      });
      // Until its record tells of the command its planner takes everything away, when the front is gone.
      await until('its record', async () => (await current.json<Inspection>(['inspect', 'victim'])).pid);
      process.kill(subprocess.pid ?? 0, 'SIGKILL');
      await subprocess;
      expect(pids.filter(runs)).toEqual(pids);
      expect(await current.compart(['gc'])).toEqual({ status: 0, stdout: 'victim\n', stderr: '' });
      expect(pids.filter(runs)).toEqual([]);
      expect(remains()).toEqual(NOTHING);
      expect(await seenOfBystander()).toEqual(untouched);
    },
  );

  withLimits.each([
    ['ps', ['ps']],
    ['a run of the same name', ['run', '--name', 'victim', '--', 'true']],
  ])('is not even needed: %s sweeps what it meets', async (_what, args) => {
    const { current } = sandbox;
    const subprocess = current.start(['run', '--name', 'victim', '--', 'sleep', '1000'], QUIET);
    await until(
      'the command',
      () => dirsOf(current, 'victim').length > 0 && new Set(processesBelow(current.base)).size === 2,
    );
    process.kill(subprocess.pid ?? 0, 'SIGKILL');
    await subprocess;
    expect(await current.compart(args)).toMatchObject({ status: 0, stderr: '' });
    expect(remains()).toEqual(NOTHING);
  });

  withLimits('of the monitor of a detached run leaves its command to gc, which ends it', async () => {
    const { current } = sandbox;
    await current.compart(['run', '-d', '--name', 'victim', '--', 'sleep', '1000']);
    const { owner, main } = recordOf(current, 'victim');
    const [monitor, command] = [owner?.pid ?? 0, main?.pid ?? 0];
    expect(readFileSync(`/proc/${monitor}/comm`, 'utf8')).toBe('compart-monitor\n');
    process.kill(monitor, 'SIGKILL');
    await until('the end of the monitor', () => !runs(monitor));
    expect(runs(command)).toBe(true);
    expect(await current.compart(['gc'])).toEqual({ status: 0, stdout: 'victim\n', stderr: '' });
    expect(runs(command)).toBe(false);
    expect(remains()).toEqual(NOTHING);
    expect(await seenOfBystander()).toEqual(untouched);
  });
});
