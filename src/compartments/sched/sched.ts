import { usageError } from '../../shared/errors.js';
import { formatCpu } from '../../shared/units/cpu.js';
import { formatCpuList, parseCpuList } from '../../shared/units/cpulist.js';
import type { CpuLimits, CpuMore, CpuStats } from '../../host/cgroup/driver.js';
import { hasIdleGroups } from '../../host/cgroup/idle.js';
import { SMALLEST_CPUS } from '../../host/cgroup/quota.js';
import { cpu as v1 } from '../../host/cgroup/v1/cpu.js';
import { cpu as v2 } from '../../host/cgroup/v2/cpu.js';
import { CgroupSubsystem } from '../cgroup-subsystem.js';

/** The scheduler: a ceiling, a weight under contention, and the CPUs to run on. */
export const sched = new CgroupSubsystem<CpuLimits, CpuStats, CpuMore>({
  kind: 'sched',
  flags: { limitCpus: '--cpu', weight: '--cpu-weight', cpus: '--cpus' },
  drivers: { v1, v2 },
  unlimited: { limitCpus: null, weight: null, cpus: null },
  sample: { limitCpus: 1, weight: 100, cpus: '0' },
  merge: (now, asked) => ({ ...now, ...asked }),

  validate: (host, { limitCpus, weight, cpus }) => {
    const online = host.cpus;
    if (limitCpus !== null && limitCpus > online.length) {
      throw usageError(
        `--cpu: ${formatCpu(limitCpus)} is more than the ${online.length} CPUs of this host`,
        `at most ${online.length * 100}%, or max`,
      );
    }
    if (limitCpus !== null && limitCpus < SMALLEST_CPUS) {
      throw usageError(
        `--cpu: ${formatCpu(limitCpus)} is less than the kernel can hold`,
        `at least ${formatCpu(SMALLEST_CPUS)}`,
      );
    }
    if (typeof weight === 'number' && (!Number.isInteger(weight) || weight < 1 || weight > 10_000)) {
      throw usageError(
        `--cpu-weight: ${weight} is out of range`,
        "accepted: 1 to 10000, 100 is everybody's share",
      );
    }
    const absent = cpus === null ? [] : parseCpuList(cpus).filter((number) => !online.includes(number));
    if (absent.length > 0) {
      throw usageError(
        `--cpus: this host has no CPU ${formatCpuList(absent)}`,
        `online: ${formatCpuList(online)}`,
      );
    }
  },

  prepare: (_group, _read, now, next) => {
    if ((now.weight === 'idle') === (next.weight === 'idle')) return;
    throw usageError(
      now.weight === 'idle'
        ? '--cpu-weight: what was made idle stays idle'
        : '--cpu-weight: what runs with a weight cannot become idle',
      'idle ones stand in a group of their own, and what runs does not move: start it anew',
    );
  },

  lacks: (host, { weight }) =>
    weight !== 'idle' || hasIdleGroups(host.kernelRelease)
      ? []
      : [
          {
            flag: '--cpu-weight',
            why: `this kernel (${host.kernelRelease}) has no idle groups`,
            mend: 'Linux 5.15 or later; --cpu-weight 1 is the smallest share',
          },
        ],
});
