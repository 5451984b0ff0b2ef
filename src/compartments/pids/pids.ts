import type { PidsLimits, PidsMore, PidsStats } from '../../host/cgroup/driver.js';
import { pids as v1 } from '../../host/cgroup/v1/pids.js';
import { pids as v2 } from '../../host/cgroup/v2/pids.js';
import { CgroupSubsystem } from '../cgroup-subsystem.js';

/** The number of tasks (processes and threads). */
export const pids = new CgroupSubsystem<PidsLimits, PidsStats, PidsMore>({
  kind: 'pids',
  flags: { limit: '--pids' },
  drivers: { v1, v2 },
  unlimited: { limit: null },
  sample: { limit: 100 },
  merge: (now, asked) => ({ ...now, ...asked }),
  // The unit allows no number that the kernel refuses (parseCount).
  validate: () => undefined,
  lacks: () => [],
});
