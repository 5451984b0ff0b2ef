import { BUSY_LOOP } from './programs.js';
import type { Verbs } from './verbs.js';

/** The titles of a terminal of 80. */
export const TITLES = 'NAME           KIND  ST   CPU%  LIM THR%   MEM   LIM MEM%  RX/s  TX/s  PSI  PIDS';
export const SLEEP = ['sleep', '600'];
/** How long a machine that is busy may take. */
export const PATIENCE_MS = 30_000;

/** One that is held to half a CPU, and one that sleeps. */
export async function busyAndIdle({ detach }: Verbs): Promise<void> {
  await detach('busy', ['--cpu', '50%', '--mem', '64M', '--label', 'team=web'], ...BUSY_LOOP);
  await detach('idle', ['--pids', '20'], ...SLEEP);
}

/** The cells of the row of a compartment, by title; the second LIM is that of memory. */
export function cellsOf(screen: string, name: string): Record<string, string> | null {
  const line = screen.split('\n').find((each) => each.startsWith(`${name} `));
  if (line === undefined) return null;
  const keys = ['name', 'kind', 'state', 'cpu', 'cpuLimit', 'throttled', 'mem', 'memLimit', 'memPercent'];
  const cells = line.trim().split(/\s+/);
  return Object.fromEntries([...keys, 'rx', 'tx', 'psi', 'pids'].map((key, at) => [key, cells[at] ?? '']));
}

/** Is a number not further than `off` from what is wanted? */
export const isAbout = (text: string | undefined, wanted: number, off: number): boolean =>
  Math.abs(Number(text) - wanted) <= off;
