import { mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeEach, expect } from '@jest/globals';
import { execa, type Options, type ResultPromise } from 'execa';
import { basesOf, groupsBelow, hierarchies, processesBelow } from './groups.js';
import { COMPART } from './installed.js';
import { GIVEN_BASE } from './place.js';

export { COMPART, groupsBelow, hierarchies, processesBelow };

export interface Answer {
  status: number;
  stdout: string;
  stderr: string;
}

/** A state folder and a parent of groups that are this test's own ({@link GIVEN_BASE}: the latter the system's). */
export interface Sandbox {
  /** A folder for the test's files. */
  dir: string;
  state: string;
  /** The parent of its groups, below every mount point. */
  base: string;
  env: Record<string, string>;
  /** Runs bin/compart and waits. Never rejects for an exit status. */
  compart: (args: readonly string[], options?: Options) => Promise<Answer>;
  /** Starts bin/compart and hands the process out. */
  start: (args: readonly string[], options?: Options) => ResultPromise;
  /** What `--json` of a verb says. */
  json<T = unknown>(args: readonly string[]): Promise<T>;
}

/** With COMPART_PLANNER=warm every sandbox has a service, which plans for run, exec and boot. */
export const WARM = process.env['COMPART_PLANNER'] === 'warm';

let counter = 0;

function make(): Sandbox {
  counter += 1;
  const dir = mkdtempSync(`${tmpdir()}/compart-test-`);
  const state = `${dir}/state`;
  const base = GIVEN_BASE ?? `/compart-test-${process.pid}-${counter}`;
  const env = { COMPART_STATE: state, COMPART_CGROUP: GIVEN_BASE === null ? base : '', NODE_OPTIONS: '' };
  const start: Sandbox['start'] = (args, options = {}) =>
    execa(COMPART, args, {
      reject: false,
      stdin: 'ignore',
      stripFinalNewline: false,
      ...options,
      env: { ...env, ...options.env },
    }) as unknown as ResultPromise;
  const compart: Sandbox['compart'] = async (args, options = {}) => {
    const { exitCode, signal, stdout, stderr } = await start(args, options);
    if (exitCode === undefined) throw new Error(`compart ${args.join(' ')} ended by ${String(signal)}`);
    return { status: exitCode, stdout: String(stdout ?? ''), stderr: String(stderr ?? '') };
  };
  return {
    dir,
    state,
    base,
    env,
    compart,
    start,
    json: async <T>(args: readonly string[]) => {
      const answer = await compart([...args, '--json']);
      if (answer.status !== 0) throw new Error(`compart ${args.join(' ')}: ${answer.stderr}`);
      return JSON.parse(answer.stdout) as T;
    },
  };
}

/**
 * A fresh sandbox for each test of the file. After each: no compartment, no process and no group may be left,
 * else the test fails (and what was left is removed, for the next one).
 */
export function useSandbox(): { current: Sandbox } {
  const holder = {} as { current: Sandbox };
  let planned = 0;
  beforeEach(async () => {
    holder.current = make();
    if (WARM) expect(await holder.current.compart(['warm'])).toMatchObject({ status: 0, stderr: '' });
  });
  if (WARM) afterAll(() => expect(planned).toBeGreaterThan(0));
  afterEach(async () => {
    const { base, state, dir, compart } = holder.current;
    // It answers when it has done what its callers did not wait for.
    if (WARM) planned += await stopService(holder.current);
    const left = {
      processes: processesBelow(base),
      groups: groupsBelow(base),
      state: namesIn(`${state}/compartments`),
    };
    for (const name of left.state) await compart(['rm', '--force', name]);
    await compart(['gc']);
    if (GIVEN_BASE === null) removeBases(base);
    rmSync(dir, { recursive: true, force: true });
    expect(left).toEqual({ processes: [], groups: [], state: [] });
  });
  return holder;
}

/** @returns for how many command lines it has planned */
async function stopService(sandbox: Sandbox): Promise<number> {
  const { planned } = await sandbox.json<{ planned: number }>(['warm', '--status']);
  await sandbox.compart(['warm', '--stop']);
  return planned;
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function removeBases(base: string): void {
  for (const dir of [...groupsBelow(base).reverse(), ...basesOf(base)]) {
    try {
      rmdirSync(dir);
    } catch {
      // Not there, or its last task is still dying.
    }
  }
}
