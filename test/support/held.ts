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

/**
 * What the kernel charges without asking, to dying tasks and in interrupts (mm/memcontrol.c, try_charge_memcg, "force"),
 * is over the limit for a moment: no more than it charges at once (MEMCG_CHARGE_BATCH, 64 pages). Seen: one page.
 */
const FORCED_BYTES = 64 * 4096;

/** The group of a guest's kernel never had more memory than it may. */
export function requireCharge({ stats: { vm } }: Pick<ExitRecord, 'stats'>): void {
  if (vm.limitBytes === null) throw new Error('no limit of memory');
  expect(vm.peakBytes).toBeLessThanOrEqual(vm.limitBytes + FORCED_BYTES);
}

/** A group is held by the period, and may be one over. */
export function requireShare({ stats, wallUs }: Pick<ExitRecord, 'stats' | 'wallUs'>, percent: number): void {
  expect(stats.sched.usageUs).toBeLessThanOrEqual((wallUs * percent) / 100 + 150_000);
}
