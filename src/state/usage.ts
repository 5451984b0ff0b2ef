import type { CpuStats, IoStats, MemoryStats } from '../host/cgroup/driver.js';
import type { ExitRecord } from './history.js';

/** What a compartment used in its life, as far as totals of the host keep it. Microseconds, bytes. */
export interface Usage {
  cpuUserUs: number;
  cpuSystemUs: number;
  rxBytes: number;
  txBytes: number;
  readBytes: number;
  writeBytes: number;
  oomKills: number;
  /** The highest; not a sum. */
  peakBytes: number;
}

/** Why a run ended; the values of the label `reason`. */
export const EXIT_REASONS = ['success', 'error', 'signal', 'oom', 'timeout', 'stopped', 'panic'] as const;
export type ExitReason = (typeof EXIT_REASONS)[number];

export const noUsage = (): Usage => ({
  cpuUserUs: 0,
  cpuSystemUs: 0,
  rxBytes: 0,
  txBytes: 0,
  readBytes: 0,
  writeBytes: 0,
  oomKills: 0,
  peakBytes: 0,
});

const KEYS = Object.keys(noUsage()) as Array<keyof Usage>;

/** Adds what another compartment used to `sum`, in place. */
export function addUsage(sum: Usage, other: Usage): void {
  for (const key of KEYS)
    sum[key] = key === 'peakBytes' ? Math.max(sum[key], other[key]) : sum[key] + other[key];
}

/** The later of two readings of one compartment: its counters only grow. */
export function laterUsage(one: Usage, other: Usage | undefined): Usage {
  if (other === undefined) return one;
  const later = noUsage();
  for (const key of KEYS) later[key] = Math.max(one[key], other[key]);
  return later;
}

/** Readings by subsystem, as exit records have them; what is not known counts as 0. */
export interface Readings {
  vm?: Pick<MemoryStats, 'oomKills' | 'peakBytes'> | null | undefined;
  sched?: Pick<CpuStats, 'userUs' | 'systemUs'> | null | undefined;
  io?: Pick<IoStats, 'readBytes' | 'writeBytes'> | null | undefined;
  net?: { rxBytes: number | null; txBytes: number | null } | null | undefined;
}

export function usageOf({ vm, sched, io, net }: Readings): Usage {
  return {
    cpuUserUs: sched?.userUs ?? 0,
    cpuSystemUs: sched?.systemUs ?? 0,
    rxBytes: net?.rxBytes ?? 0,
    txBytes: net?.txBytes ?? 0,
    readBytes: io?.readBytes ?? 0,
    writeBytes: io?.writeBytes ?? 0,
    oomKills: vm?.oomKills ?? 0,
    peakBytes: vm?.peakBytes ?? 0,
  };
}

/** Signals that ask a program to end: whoever sent them meant to stop it. */
const ASKS_TO_END = new Set(['SIGTERM', 'SIGINT', 'SIGHUP']);

/**
 * The reason that a verdict comes to. A run that met its limit of tasks is an error, or a success if its command made
 * one of it; `panic` is for guests alone.
 */
export function reasonOf({
  verdict,
  signal,
  exitCode,
}: Pick<ExitRecord, 'verdict' | 'signal' | 'exitCode'>): ExitReason {
  if (verdict === 'oom' || verdict === 'timeout') return verdict;
  if (signal !== null) return ASKS_TO_END.has(signal) ? 'stopped' : 'signal';
  return exitCode === 0 ? 'success' : 'error';
}
