import {
  withoutCpuset,
  type CpuLimits,
  type CpuMore,
  type CpuStats,
  type CpuWeight,
  type Driver,
  type FileWrite,
  type ReadGroup,
} from '../driver.js';
import { keyed, numberIn, pick, pressureUs } from '../parse.js';
import { cpusOf, quotaFor } from '../quota.js';
import { weightWrites } from '../idle.js';

const DEFAULT_WEIGHT = 100;

function maxValue(limitCpus: number | null): string {
  if (limitCpus === null) return 'max 100000';
  const { quotaUs, periodUs } = quotaFor(limitCpus);
  return `${quotaUs} ${periodUs}`;
}

/** An idle group shows as a weight of 0 (cgroup-v2.rst). */
function weightIn(read: ReadGroup): CpuWeight | null {
  const weight = numberIn(read('cpu', 'cpu.weight'));
  return weight === 0 ? 'idle' : weight;
}

function writes(next: CpuLimits, read: ReadGroup): FileWrite[] {
  const list: FileWrite[] = [
    { controller: 'cpu', file: 'cpu.max', value: maxValue(next.limitCpus) },
    ...weightWrites(next.weight, weightIn(read), {
      file: 'cpu.weight',
      value: String(next.weight ?? DEFAULT_WEIGHT),
    }),
  ];
  if (read('cpuset', 'cpuset.cpus') !== null) {
    list.push({ controller: 'cpuset', file: 'cpuset.cpus', value: next.cpus ?? '\n' });
  }
  return list;
}

function limitIn(read: ReadGroup): number | null {
  const [quota, period] = (read('cpu', 'cpu.max') ?? 'max 100000').split(' ');
  return cpusOf(numberIn(quota ?? null), numberIn(period ?? null));
}

function inForce(read: ReadGroup): CpuLimits {
  return {
    limitCpus: limitIn(read),
    weight: weightIn(read),
    cpus: read('cpuset', 'cpuset.cpus') || read('cpuset', 'cpuset.cpus.effective') || null,
  };
}

function stats(read: ReadGroup): CpuStats {
  const stat = keyed(read('cpu', 'cpu.stat'));
  return {
    ...inForce(read),
    usageUs: pick(stat, 'usage_usec'),
    userUs: pick(stat, 'user_usec'),
    systemUs: pick(stat, 'system_usec'),
    periods: pick(stat, 'nr_periods'),
    throttledPeriods: pick(stat, 'nr_throttled'),
    throttledUs: pick(stat, 'throttled_usec'),
    pressureSomeUs: pressureUs(read('cpu', 'cpu.pressure'), 'some'),
  };
}

const glance = (read: ReadGroup): Pick<CpuStats, 'usageUs' | 'limitCpus'> => ({
  usageUs: pick(keyed(read('cpu', 'cpu.stat')), 'usage_usec'),
  limitCpus: limitIn(read),
});

function more(read: ReadGroup): CpuMore {
  const text = read('cpu', 'cpu.max');
  const [quota = null, period = null] = text?.split(' ') ?? [];
  return {
    periodUs: numberIn(period),
    ceilingCpus: text === null ? null : (cpusOf(numberIn(quota), numberIn(period)) ?? Infinity),
    pressureFullUs: pressureUs(read('cpu', 'cpu.pressure'), 'full'),
  };
}

export const cpu: Driver<CpuLimits, CpuStats, CpuMore> = {
  name: 'cgroup2',
  needs: ['cpu'],
  uses: ['cpuset'],
  unenforceable: withoutCpuset,
  writes,
  inForce,
  stats,
  glance,
  more,
};
