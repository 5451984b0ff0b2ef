import type { Driver, PidsLimits, PidsMore, PidsStats, ReadGroup } from './driver.js';
import { ceilingIn, keyed, numberIn, orMax, pick } from './parse.js';

const inForce = (read: ReadGroup): PidsLimits => ({ limit: numberIn(read('pids', 'pids.max')) });

const glance = (read: ReadGroup): Pick<PidsStats, 'limit' | 'current'> => ({
  ...inForce(read),
  current: numberIn(read('pids', 'pids.current')),
});

/** The pids controller has the same files in both versions (cgroup-v1/pids.rst, cgroup-v2.rst "PID"). */
const common: Omit<Driver<PidsLimits, PidsStats, PidsMore>, 'name'> = {
  needs: ['pids'],
  uses: [],
  unenforceable: () => [],
  writes: (next) => [{ controller: 'pids', file: 'pids.max', value: orMax(next.limit) }],
  inForce,
  stats: (read) => ({
    ...glance(read),
    peak: numberIn(read('pids', 'pids.peak')),
    denied: pick(keyed(read('pids', 'pids.events')), 'max'),
  }),
  glance,
  more: (read) => ({ ceiling: ceilingIn(read('pids', 'pids.max')) }),
};

export const pidsV1: Driver<PidsLimits, PidsStats, PidsMore> = { name: 'cgroup1', ...common };
export const pidsV2: Driver<PidsLimits, PidsStats, PidsMore> = { name: 'cgroup2', ...common };
