import { grown } from '../page/reading.js';
import type { CpuStats, IoStats, MemoryStats, PidsStats } from '../../host/cgroup/driver.js';

/** What a network has carried, and how fast it may; rx is what the compartment downloads. */
export interface NetFlow {
  rxBytes: number | null;
  txBytes: number | null;
  rxLimitBps: number | null;
  txLimitBps: number | null;
}

/** One reading of what is loaded, by kind, in the shapes of docs/cli.md. */
export interface LiveStats {
  vm?: MemoryStats | null;
  sched?: CpuStats | null;
  net?: NetFlow | null;
  io?: IoStats | null;
  pids?: PidsStats | null;
}
export type LiveKind = keyof LiveStats;

/** What two readings say of the time between them; null where one of them lacks it. */
export interface LiveRates {
  /** Of one CPU, in percent: 50 is half of one. */
  cpuPercent: number | null;
  /** Of the periods in which it wanted to run, those in which it was held back; 0 to 100. */
  throttledPercent: number | null;
  rxBps: number | null;
  txBps: number | null;
  readBytesPerSecond: number | null;
  writeBytesPerSecond: number | null;
  /** Of the time, that in which some task waited for CPU, memory, disk; 0 to 100. */
  cpuPressurePercent: number | null;
  memoryPressurePercent: number | null;
  ioPressurePercent: number | null;
}

export const NO_LIVE_RATES: LiveRates = {
  cpuPercent: null,
  throttledPercent: null,
  rxBps: null,
  txBps: null,
  readBytesPerSecond: null,
  writeBytesPerSecond: null,
  cpuPressurePercent: null,
  memoryPressurePercent: null,
  ioPressurePercent: null,
};

/**
 * The rates that follow from two readings of the kinds in `now`; those of other kinds are not in the answer.
 * A counter that went back has no rate. Pure.
 * @param seconds between the two, by a clock that is never set
 */
export function liveRates(before: LiveStats, now: LiveStats, seconds: number): Partial<LiveRates> {
  const speed = (from: number | null | undefined, to: number | null | undefined, factor: number) => {
    const steps = grown(from ?? null, to ?? null);
    return steps === null || !(seconds > 0) ? null : (steps * factor) / seconds;
  };
  const share = (from: number | null | undefined, to: number | null | undefined): number | null => {
    const percent = speed(from, to, 1e-4);
    return percent === null ? null : Math.min(100, percent);
  };
  const { vm, sched, net, io } = now;
  return {
    ...(vm && { memoryPressurePercent: share(before.vm?.pressureSomeUs, vm.pressureSomeUs) }),
    ...(sched && {
      cpuPercent: speed(before.sched?.usageUs, sched.usageUs, 1e-4),
      throttledPercent: throttledShare(before.sched, sched),
      cpuPressurePercent: share(before.sched?.pressureSomeUs, sched.pressureSomeUs),
    }),
    ...(net && {
      rxBps: speed(before.net?.rxBytes, net.rxBytes, 8),
      txBps: speed(before.net?.txBytes, net.txBytes, 8),
    }),
    ...(io && {
      readBytesPerSecond: speed(before.io?.readBytes, io.readBytes, 1),
      writeBytesPerSecond: speed(before.io?.writeBytes, io.writeBytes, 1),
      ioPressurePercent: share(before.io?.pressureSomeUs, io.pressureSomeUs),
    }),
  };
}

function throttledShare(before: CpuStats | null | undefined, now: CpuStats): number | null {
  const periods = grown(before?.periods ?? null, now.periods);
  const held = grown(before?.throttledPeriods ?? null, now.throttledPeriods);
  if (periods === null || held === null) return null;
  return periods === 0 ? 0 : Math.min(100, (held / periods) * 100);
}
