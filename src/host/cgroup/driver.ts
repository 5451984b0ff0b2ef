import type { Refusal } from './base.js';

/** The limits and readings of each controller in the kernel's own terms, and what a driver does with them. */

/** Bytes; null is unlimited. `swapLimitBytes` counts swap alone, on top of `limitBytes`. */
export interface MemoryLimits {
  limitBytes: number | null;
  highBytes: number | null;
  swapLimitBytes: number | null;
}

/** null is what this kernel does not report, or for a limit: unlimited. Times in microseconds. */
export interface MemoryStats {
  usageBytes: number | null;
  limitBytes: number | null;
  highBytes: number | null;
  peakBytes: number | null;
  workingSetBytes: number | null;
  anonBytes: number | null;
  cacheBytes: number | null;
  swapBytes: number | null;
  swapLimitBytes: number | null;
  oomKills: number | null;
  limitHits: number | null;
  pressureSomeUs: number | null;
  pressureFullUs: number | null;
}

/** What metrics show beyond {@link MemoryStats}. A ceiling is `Infinity` where none is set; null is not reported. */
export interface MemoryMore {
  limitCeiling: number | null;
  highCeiling: number | null;
  reservationCeiling: number | null;
  swapCeiling: number | null;
  shmemBytes: number | null;
  kernelBytes: number | null;
  dirtyBytes: number | null;
  highHits: number | null;
  oomEvents: number | null;
  scannedPages: number | null;
  reclaimedPages: number | null;
  anonRefaults: number | null;
  fileRefaults: number | null;
  minorFaults: number | null;
  majorFaults: number | null;
}

/** A share under contention, 1 to 10000, or `idle`: CPU time that nobody else wants (SCHED_IDLE of sched(7), for a group). */
export type CpuWeight = number | 'idle';

/** `limitCpus` in CPUs (0.5 is half of one); `cpus` in cpuset(7) list format. */
export interface CpuLimits {
  limitCpus: number | null;
  weight: CpuWeight | null;
  cpus: string | null;
}

export interface CpuStats extends CpuLimits {
  usageUs: number | null;
  userUs: number | null;
  systemUs: number | null;
  periods: number | null;
  throttledPeriods: number | null;
  throttledUs: number | null;
  pressureSomeUs: number | null;
}

/** What metrics show beyond {@link CpuStats}. */
export interface CpuMore {
  periodUs: number | null;
  /** `Infinity` where there is no quota. */
  ceilingCpus: number | null;
  pressureFullUs: number | null;
}

export interface PidsLimits {
  limit: number | null;
}

export interface PidsStats extends PidsLimits {
  current: number | null;
  peak: number | null;
  /** Forks refused because of the limit. */
  denied: number | null;
}

/** What metrics show beyond {@link PidsStats}: `Infinity` where there is no limit. */
export interface PidsMore {
  ceiling: number | null;
}

/** Limits of one block device, `MAJOR:MINOR`; bytes and operations per second, null is unlimited. */
export interface IoDeviceLimits {
  device: string;
  readBytesPerSecond: number | null;
  writeBytesPerSecond: number | null;
  readOpsPerSecond: number | null;
  writeOpsPerSecond: number | null;
}

export interface IoLimits {
  devices: IoDeviceLimits[];
}

export interface IoStats {
  readBytes: number | null;
  writeBytes: number | null;
  readOps: number | null;
  writeOps: number | null;
  pressureSomeUs: number | null;
}

/** What metrics show beyond {@link IoStats}. */
export interface IoMore {
  pressureFullUs: number | null;
}

/** One value to be written to a file of one controller's group. */
export interface FileWrite {
  controller: string;
  file: string;
  value: string;
}

/**
 * Reads a file of a controller's group; null where there is none. The name `identity` reads the group that
 * gives identity, which on a hybrid host is the twin in the v2 mount.
 */
export type ReadGroup = (controller: string, file: string) => string | null;

/** A limit that this interface of the kernel cannot enforce. */
export interface Unenforceable<L> extends Refusal {
  limit: keyof L;
}

/** --cpus wants a controller of its own. */
export function withoutCpuset(
  limits: CpuLimits,
  refusal: (controller: string) => Refusal | null,
): Array<Unenforceable<CpuLimits>> {
  const refused = limits.cpus === null ? null : refusal('cpuset');
  return refused === null ? [] : [{ limit: 'cpus', ...refused }];
}

/** One controller in one version of the interface. Everything here is pure but for the reader it is lent. */
export interface Driver<L extends object, S, M = unknown> {
  name: 'cgroup1' | 'cgroup2';
  /** Controllers without which nothing of this can be enforced. */
  needs: readonly string[];
  /** Controllers that are used where they exist. */
  uses: readonly string[];
  /** Asked limits that cannot be enforced, given why a controller cannot be used (null: it can). */
  unenforceable(limits: L, refusal: (controller: string) => Refusal | null): Array<Unenforceable<L>>;
  /** What to write, in order, to go from what is in force to `next`. */
  writes(next: L, read: ReadGroup): FileWrite[];
  /** What the kernel says is in force. */
  inForce(read: ReadGroup): L;
  stats(read: ReadGroup): S;
  /** Of `stats` what a line of `ps` shows, from as few files. */
  glance(read: ReadGroup): Partial<S>;
  /** What metrics show beyond `stats`: null where this kernel does not report it. */
  more(read: ReadGroup): M;
}
