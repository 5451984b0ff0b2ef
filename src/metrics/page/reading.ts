import type { Listed } from './wire.js';

/** The numbers of one compartment that the page shows, null where the host does not report one. */
export interface Reading {
  memoryBytes: number | null;
  workingSetBytes: number | null;
  memoryLimitBytes: number | null;
  memoryHighBytes: number | null;
  oomKills: number | null;
  cpuUs: number | null;
  cpuLimitCpus: number | null;
  periods: number | null;
  throttledPeriods: number | null;
  rxBytes: number | null;
  txBytes: number | null;
  rxLimitBps: number | null;
  txLimitBps: number | null;
  tasks: number | null;
  tasksLimit: number | null;
  memoryPressureUs: number | null;
  cpuPressureUs: number | null;
  ioPressureUs: number | null;
}

export function readingOf({ subsystems }: Listed): Reading {
  const from = (kind: string) => {
    const stats = subsystems[kind]?.stats as Record<string, unknown> | null | undefined;
    return (key: string): number | null => (typeof stats?.[key] === 'number' ? stats[key] : null);
  };
  const [vm, sched, net, io, pids] = ['vm', 'sched', 'net', 'io', 'pids'].map(from) as [
    ReturnType<typeof from>,
    ReturnType<typeof from>,
    ReturnType<typeof from>,
    ReturnType<typeof from>,
    ReturnType<typeof from>,
  ];
  return {
    memoryBytes: vm('usageBytes'),
    workingSetBytes: vm('workingSetBytes'),
    memoryLimitBytes: vm('limitBytes'),
    memoryHighBytes: vm('highBytes'),
    oomKills: vm('oomKills'),
    cpuUs: sched('usageUs'),
    cpuLimitCpus: sched('limitCpus'),
    periods: sched('periods'),
    throttledPeriods: sched('throttledPeriods'),
    rxBytes: net('rxBytes'),
    txBytes: net('txBytes'),
    rxLimitBps: net('rxLimitBps'),
    txLimitBps: net('txLimitBps'),
    tasks: pids('current'),
    tasksLimit: pids('limit'),
    memoryPressureUs: vm('pressureSomeUs'),
    cpuPressureUs: sched('pressureSomeUs'),
    ioPressureUs: io('pressureSomeUs'),
  };
}

/** What two readings say of the time between them. */
export interface Rates {
  /** CPUs in use: 0.5 is half of one. */
  cpus: number | null;
  /** Of the periods in which it wanted to run, the share in which it was held back; 0 to 1. */
  throttled: number | null;
  rxBps: number | null;
  txBps: number | null;
  /** Share of the time in which some task waited; 0 to 1. */
  memoryPressure: number | null;
  cpuPressure: number | null;
  ioPressure: number | null;
}

export const NO_RATES: Rates = {
  cpus: null,
  throttled: null,
  rxBps: null,
  txBps: null,
  memoryPressure: null,
  cpuPressure: null,
  ioPressure: null,
};

/** How far a counter went; null where one reading lacks it, or it went back: then it counts anew. */
export function grown(before: number | null, now: number | null): number | null {
  return before === null || now === null || now < before ? null : now - before;
}

const times = (value: number | null, factor: number): number | null =>
  value === null ? null : value * factor;

/** @param seconds between the two readings, above 0 */
export function ratesBetween(before: Reading, now: Reading, seconds: number): Rates {
  if (!(seconds > 0)) return NO_RATES;
  const perSecond = (key: keyof Reading, factor: number): number | null =>
    times(grown(before[key], now[key]), factor / seconds);
  const share = (key: keyof Reading): number | null => {
    const value = perSecond(key, 1e-6);
    return value === null ? null : Math.min(1, value);
  };
  const periods = grown(before.periods, now.periods);
  const throttled = grown(before.throttledPeriods, now.throttledPeriods);
  return {
    cpus: perSecond('cpuUs', 1e-6),
    throttled:
      periods === null || throttled === null ? null : periods === 0 ? 0 : Math.min(1, throttled / periods),
    rxBps: perSecond('rxBytes', 8),
    txBps: perSecond('txBytes', 8),
    memoryPressure: share('memoryPressureUs'),
    cpuPressure: share('cpuPressureUs'),
    ioPressure: share('ioPressureUs'),
  };
}
