import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { descendants } from '../../src/host/proc/tree.js';
import { onPath } from './requires.js';

export const MIB = 2 ** 20;

/** The interpreter itself: what stands on PATH may be a script around it, which would be counted too. */
export const PYTHON = onPath('python3')
  ? execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()
  : 'python3';

/** argv of a program that touches this much memory, says so and holds it for some seconds. */
export function hog(mib: number, holdSeconds = 0): string[] {
  return [
    PYTHON,
    '-c',
    `import time; x = bytearray(${mib} << 20); print("held", flush=True); time.sleep(${holdSeconds})`,
  ];
}

/** Uses one CPU until it is killed. */
export const BUSY_LOOP: readonly string[] = ['sh', '-c', 'while :; do :; done'];

/** A guest on a machine that has other work takes its time (test/systems); only what fails takes all of it. */
const PATIENCE_MS = 60_000;

/** Waits until `look` answers with something that is neither null nor false. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  for (const started = Date.now(); ; await delay(20)) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (Date.now() - started > patienceMs) throw new Error(`not within ${patienceMs / 1000} s: ${what}`);
  }
}

/** The lines that compart itself wrote. */
export function ownLines(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('compart: '));
}

/** Is there such a process, and is it no zombie? */
export function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A process and all that descends from it, children before grandchildren. */
export const tree = (pid: number): number[] => [pid, ...descendants('/proc', pid)];

/** The group that holds a process by this controller: of its own hierarchy, or of v2. */
export const groupFor = (groups: Map<string, string>, controller: string): string | undefined =>
  groups.get(controller) ?? groups.get('');

/** The groups of a process, by controller; `` is the v2 hierarchy. */
export function groupsOf(procDir: string): Map<string, string> {
  const lines = readFileSync(`${procDir}/cgroup`, 'utf8').trim().split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      return controllers.split(',').map((controller) => [controller, path] as const);
    }),
  );
}
