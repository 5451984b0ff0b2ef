import { usageError } from '../../shared/errors.js';
import { formatSize } from '../../shared/units/size.js';
import type { MemoryLimits, MemoryMore, MemoryStats } from '../../host/cgroup/driver.js';
import { memory as v1 } from '../../host/cgroup/v1/memory.js';
import { memory as v2 } from '../../host/cgroup/v2/memory.js';
import { CgroupSubsystem } from '../cgroup-subsystem.js';
import { explainRefusedLimit, reclaimFirst } from './shrink.js';

/** Below this not even a static program starts: its page tables and the launcher's stack are charged too. */
export const SMALLEST_MEMORY_BYTES = 512 * 1024;

/** The virtual-memory system: a hard limit, a throttling limit and swap. */
export const vm = new CgroupSubsystem<MemoryLimits, MemoryStats, MemoryMore>({
  kind: 'vm',
  flags: { limitBytes: '--mem', highBytes: '--mem-high', swapLimitBytes: '--swap' },
  drivers: { v1, v2 },
  unlimited: { limitBytes: null, highBytes: null, swapLimitBytes: null },
  sample: { limitBytes: 2 ** 30, highBytes: 2 ** 29, swapLimitBytes: 2 ** 20 },

  merge: (now, asked) => {
    const next = { ...now, ...asked };
    // Nothing said of swap: none on top of a limit, and no limit of its own where memory has none.
    if (!('swapLimitBytes' in asked))
      next.swapLimitBytes = next.limitBytes === null ? null : (now.swapLimitBytes ?? 0);
    return next;
  },

  validate: (_host, { limitBytes, highBytes, swapLimitBytes }) => {
    for (const [flag, bytes] of [
      ['--mem', limitBytes],
      ['--mem-high', highBytes],
    ] as const) {
      if (bytes !== null && bytes < SMALLEST_MEMORY_BYTES) {
        throw usageError(
          `${flag}: ${formatSize(bytes)} is less than any process can start in`,
          `at least ${formatSize(SMALLEST_MEMORY_BYTES)}`,
        );
      }
    }
    if (limitBytes !== null && highBytes !== null && highBytes > limitBytes) {
      throw usageError(
        `--mem-high: ${formatSize(highBytes)} is above the hard limit of ${formatSize(limitBytes)}`,
        'give less than --mem',
      );
    }
    if (limitBytes === null && swapLimitBytes !== null) {
      throw usageError('--swap: swap counts on top of --mem, which is not given', 'add --mem');
    }
  },

  lacks: (host, asked) => {
    if (!asked.swapLimitBytes || host.swapBytes > 0) return [];
    return [
      {
        flag: '--swap',
        why: 'this host has no swap',
        mend: 'add some: mkswap and swapon, or leave --swap out',
      },
    ];
  },

  prepare: reclaimFirst,
  explain: explainRefusedLimit,
});
