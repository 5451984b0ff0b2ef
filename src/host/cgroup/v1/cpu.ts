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
import { keyed, nsToUs, numberIn, pick, pressureUs } from '../parse.js';
import { cpusOf, quotaFor } from '../quota.js';
import { weightWrites } from '../idle.js';

const DEFAULT_SHARES = 1024;
/** What the kernel gives an idle group (WEIGHT_IDLEPRIO of kernel/sched/sched.h). */
const IDLE_SHARES = 3;

/** Linear, so that weights 100 and 300 share a busy CPU 1:3 as they do on v2. */
export function sharesFor(weight: number): number {
  return Math.max(2, Math.round((weight * DEFAULT_SHARES) / 100));
}

function weightIn(read: ReadGroup): CpuWeight | null {
  const shares = numberIn(read('cpu', 'cpu.shares'));
  if (shares === null) return null;
  if (shares === IDLE_SHARES && read('cpu', 'cpu.idle') === '1') return 'idle';
  return Math.max(1, Math.round((shares * 100) / DEFAULT_SHARES));
}

function writes(next: CpuLimits, read: ReadGroup): FileWrite[] {
  const cpu = (file: string, value: string): FileWrite => ({ controller: 'cpu', file, value });
  const list: FileWrite[] = [];
  if (next.limitCpus === null) {
    list.push(cpu('cpu.cfs_quota_us', '-1'));
  } else {
    const { quotaUs, periodUs } = quotaFor(next.limitCpus);
    list.push(cpu('cpu.cfs_period_us', String(periodUs)), cpu('cpu.cfs_quota_us', String(quotaUs)));
  }
  const shares = typeof next.weight === 'number' ? sharesFor(next.weight) : DEFAULT_SHARES;
  list.push(...weightWrites(next.weight, weightIn(read), { file: 'cpu.shares', value: String(shares) }));
  if (next.cpus !== null && read('cpuset', 'cpuset.cpus') !== null) {
    list.push({ controller: 'cpuset', file: 'cpuset.cpus', value: next.cpus });
  }
  return list;
}

const limitIn = (read: ReadGroup): number | null =>
  cpusOf(numberIn(read('cpu', 'cpu.cfs_quota_us')), numberIn(read('cpu', 'cpu.cfs_period_us')));

function inForce(read: ReadGroup): CpuLimits {
  return {
    limitCpus: limitIn(read),
    weight: weightIn(read),
    cpus: read('cpuset', 'cpuset.cpus') || null,
  };
}

const cpuacct = (read: ReadGroup, file: string): number | null => nsToUs(numberIn(read('cpuacct', file)));

const twinOf = (read: ReadGroup): Map<string, number> => keyed(read('identity', 'cpu.stat'));

const usageIn = (read: ReadGroup): number | null =>
  cpuacct(read, 'cpuacct.usage') ?? pick(twinOf(read), 'usage_usec');

function stats(read: ReadGroup): CpuStats {
  const twin = twinOf(read);
  const throttle = keyed(read('cpu', 'cpu.stat'));
  return {
    ...inForce(read),
    usageUs: usageIn(read),
    // From Linux 5.17 on v1 splits by what runs at each tick, which a ceiling keeps in step with: under load the sum was
    // 12% above the usage. The twin divides the usage itself.
    userUs: pick(twin, 'user_usec') ?? cpuacct(read, 'cpuacct.usage_user'),
    systemUs: pick(twin, 'system_usec') ?? cpuacct(read, 'cpuacct.usage_sys'),
    periods: pick(throttle, 'nr_periods'),
    throttledPeriods: pick(throttle, 'nr_throttled'),
    throttledUs: nsToUs(pick(throttle, 'throttled_time')),
    pressureSomeUs: pressureUs(read('identity', 'cpu.pressure'), 'some'),
  };
}

const glance = (read: ReadGroup): Pick<CpuStats, 'usageUs' | 'limitCpus'> => ({
  usageUs: usageIn(read),
  limitCpus: limitIn(read),
});

function more(read: ReadGroup): CpuMore {
  const periodUs = numberIn(read('cpu', 'cpu.cfs_period_us'));
  const quota = read('cpu', 'cpu.cfs_quota_us');
  return {
    periodUs,
    ceilingCpus: quota === null ? null : (cpusOf(numberIn(quota), periodUs) ?? Infinity),
    pressureFullUs: pressureUs(read('identity', 'cpu.pressure'), 'full'),
  };
}

export const cpu: Driver<CpuLimits, CpuStats, CpuMore> = {
  name: 'cgroup1',
  needs: ['cpu'],
  uses: ['cpuacct', 'cpuset'],
  unenforceable: withoutCpuset,
  writes,
  inForce,
  stats,
  glance,
  more,
};
