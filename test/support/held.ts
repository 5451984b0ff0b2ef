import { expect } from '@jest/globals';
import { MIB } from './programs.js';
import type { ExitRecord } from './shapes.js';

/** All that a hostile program is held to at once. */
export interface Bounds {
  mib: number;
  /** A share of one CPU. */
  percent: number;
  tasks: number;
  timeout: string;
}

/** As flags of `run`. */
export const flagsOf = ({ mib, percent, tasks, timeout }: Bounds): string[] => [
  ...['--mem', `${mib}M`, '--cpu', `${percent}%`, '--pids', String(tasks), '--timeout', timeout],
];

/** What a program has used was never more than it was given. */
export function requireHeld({ stats, wallUs }: ExitRecord, { mib, percent, tasks }: Bounds): void {
  expect(stats.pids.peak).toBeLessThanOrEqual(tasks);
  expect(stats.vm.peakBytes).toBeLessThanOrEqual(mib * MIB);
  requireShare({ stats, wallUs }, percent);
}

/** A group is held by the period, and may be one over. */
export function requireShare({ stats, wallUs }: Pick<ExitRecord, 'stats' | 'wallUs'>, percent: number): void {
  expect(stats.sched.usageUs).toBeLessThanOrEqual((wallUs * percent) / 100 + 150_000);
}
