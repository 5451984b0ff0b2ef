import { BUSY_LOOP } from './programs.js';
import type { Answer, Sandbox } from './sandbox.js';
import type { SchedStats } from './shapes.js';

/** Of cpu.cfs_quota_us (v1) and cpu.max (v2), as compart writes them. */
export const PERIOD_MS = 100;

/** What a group used by the kernel's own clock: its periods are counted where its time is. */
export interface Share {
  /** Of a CPU. */
  percent: number;
  /** From 0 to 1: in how many of its periods it was held back, and so had all that it may have. */
  throttled: number;
  periods: number;
}

/** What a group used of a CPU between two readings; the first may be that of its birth. */
export function shareOf(
  after: SchedStats,
  before: Pick<SchedStats, 'usageUs' | 'periods' | 'throttledPeriods'> = {
    usageUs: 0,
    periods: 0,
    throttledPeriods: 0,
  },
): Share {
  const periods = after.periods - before.periods;
  return {
    percent: (after.usageUs - before.usageUs) / 10 / (periods * PERIOD_MS),
    throttled: (after.throttledPeriods - before.throttledPeriods) / periods,
    periods,
  };
}

/** Keeps CPU 0 busy in a compartment of this name and weight, until it is removed. */
export const startBusy = ({ compart }: Sandbox, name: string, weight: string): Promise<Answer> =>
  compart(['run', '-d', '--name', name, '--cpus', '0', '--cpu-weight', weight, '--', ...BUSY_LOOP]);
