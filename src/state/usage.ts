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
  /** Guests that came up, and how long that took them: in all, and how many within each of {@link BOOT_BUCKETS}. */
  boots: number;
  bootUs: number;
  bootsIn50ms: number;
  bootsIn100ms: number;
  bootsIn250ms: number;
  bootsIn500ms: number;
  bootsIn1s: number;
  bootsIn2500ms: number;
  bootsIn5s: number;
  bootsIn10s: number;
}

/** Upper bounds in seconds, from a kernel made for it to a system with an init of its own. */
export const BOOT_BUCKETS = [
  ['bootsIn50ms', 0.05],
  ['bootsIn100ms', 0.1],
  ['bootsIn250ms', 0.25],
  ['bootsIn500ms', 0.5],
  ['bootsIn1s', 1],
  ['bootsIn2500ms', 2.5],
  ['bootsIn5s', 5],
  ['bootsIn10s', 10],
] as const satisfies ReadonlyArray<readonly [keyof Usage, number]>;

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
  boots: 0,
  bootUs: 0,
  bootsIn50ms: 0,
  bootsIn100ms: 0,
  bootsIn250ms: 0,
  bootsIn500ms: 0,
  bootsIn1s: 0,
  bootsIn2500ms: 0,
  bootsIn5s: 0,
  bootsIn10s: 0,
});

const KEYS = Object.keys(noUsage()) as Array<keyof Usage>;

/** Adds what another compartment used to `sum`, in place. */
export function addUsage(sum: Usage, other: Partial<Usage>): void {
  for (const key of KEYS) {
    // What an older version wrote lacks what it did not count.
    const value = other[key] ?? 0;
    sum[key] = key === 'peakBytes' ? Math.max(sum[key], value) : sum[key] + value;
  }
}

/** The later of two readings of one compartment: its counters only grow. */
export function laterUsage(one: Partial<Usage>, other: Partial<Usage> | undefined): Usage {
  const later = noUsage();
  for (const key of KEYS) later[key] = Math.max(one[key] ?? 0, other?.[key] ?? 0);
  return later;
}

/** Readings by subsystem, as exit records have them; what is not known counts as 0. */
export interface Readings {
  vm?: Pick<MemoryStats, 'oomKills' | 'peakBytes'> | null | undefined;
  sched?: Pick<CpuStats, 'userUs' | 'systemUs'> | null | undefined;
  io?: Pick<IoStats, 'readBytes' | 'writeBytes'> | null | undefined;
  net?: { rxBytes: number | null; txBytes: number | null } | null | undefined;
}

/** How long a guest took to come up, as usage counts it; null where it did not, or is none. */
export function bootUsage(readyUs: number | null): Partial<Usage> {
  if (readyUs === null) return {};
  const within = BOOT_BUCKETS.map(([key, seconds]) => [key, Number(readyUs <= seconds * 1e6)]);
  return { boots: 1, bootUs: readyUs, ...(Object.fromEntries(within) as Partial<Usage>) };
}

/** @param readyUs of a guest that came up, from the start of its kernel on */
export function usageOf({ vm, sched, io, net }: Readings, readyUs: number | null = null): Usage {
  return {
    ...noUsage(),
    ...bootUsage(readyUs),
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
  guest,
}: Pick<ExitRecord, 'verdict' | 'signal' | 'exitCode' | 'guest'>): ExitReason {
  if (verdict === 'oom' || verdict === 'timeout') return verdict;
  if (guest?.reason === 'panic' || guest?.reason === 'crash') return 'panic';
  if (signal !== null) return ASKS_TO_END.has(signal) ? 'stopped' : 'signal';
  return exitCode === 0 ? 'success' : 'error';
}
