import type { Driver, FileWrite, MemoryLimits, MemoryMore, MemoryStats, ReadGroup } from '../driver.js';
import { ceilingIn, keyed, less, numberIn, pick } from '../parse.js';

const LIMIT = 'memory.limit_in_bytes';
const MEMSW = 'memory.memsw.limit_in_bytes';

const write = (file: string, value: number | null): FileWrite => ({
  controller: 'memory',
  file,
  value: value === null ? '-1' : String(value),
});

/**
 * memsw counts memory and swap together and may never be below the memory limit, so the order of the two
 * writes depends on the direction. Without swap accounting, swappiness 0 keeps the group's memory from
 * being swapped at all (Documentation/admin-guide/cgroup-v1/memory.rst).
 */
function writes(next: MemoryLimits, read: ReadGroup): FileWrite[] {
  const limit = write(LIMIT, next.limitBytes);
  const current = read('memory', MEMSW);
  if (current === null) {
    return [
      limit,
      { controller: 'memory', file: 'memory.swappiness', value: next.limitBytes === null ? '60' : '0' },
    ];
  }
  const total =
    next.limitBytes === null || next.swapLimitBytes === null ? null : next.limitBytes + next.swapLimitBytes;
  const memsw = write(MEMSW, total);
  const grows = (total ?? Infinity) > (numberIn(current) ?? Infinity);
  return grows || total === null ? [memsw, limit] : [limit, memsw];
}

function inForce(read: ReadGroup): MemoryLimits {
  const limitBytes = numberIn(read('memory', LIMIT));
  const memsw = read('memory', MEMSW);
  const total = numberIn(memsw);
  const unswappable = memsw === null && limitBytes !== null ? 0 : null;
  return {
    limitBytes,
    highBytes: null,
    swapLimitBytes: limitBytes === null || total === null ? unswappable : Math.max(0, total - limitBytes),
  };
}

/** Where no swap is allowed, memory meets the limit on both together first, and some kernels count that nowhere. */
function hits(memory: number | null, memsw: number | null, limits: MemoryLimits): number | null {
  const counted = (memory ?? 0) + (memsw ?? 0);
  return counted === 0 && (memory === null || limits.swapLimitBytes === 0) ? null : counted;
}

function stats(read: ReadGroup): MemoryStats {
  const file = (name: string): number | null => numberIn(read('memory', name));
  const stat = keyed(read('memory', 'memory.stat'));
  const usage = file('memory.usage_in_bytes');
  const limits = inForce(read);
  const inactive = pick(stat, 'total_inactive_file');
  return {
    usageBytes: usage,
    limitBytes: limits.limitBytes,
    highBytes: null,
    peakBytes: file('memory.max_usage_in_bytes'),
    workingSetBytes: usage === null || inactive === null ? null : Math.max(0, usage - inactive),
    anonBytes: pick(stat, 'total_rss'),
    cacheBytes: pick(stat, 'total_cache'),
    swapBytes: pick(stat, 'total_swap'),
    swapLimitBytes: limits.swapLimitBytes,
    oomKills: pick(keyed(read('memory', 'memory.oom_control')), 'oom_kill'),
    limitHits: hits(file('memory.failcnt'), file('memory.memsw.failcnt'), limits),
    // The twin's memory.pressure stays 0 for memory that a v1 controller charges.
    pressureSomeUs: null,
    pressureFullUs: null,
  };
}

const glance = (read: ReadGroup): Pick<MemoryStats, 'usageBytes' | 'limitBytes'> => ({
  usageBytes: numberIn(read('memory', 'memory.usage_in_bytes')),
  limitBytes: numberIn(read('memory', LIMIT)),
});

function swapCeiling(read: ReadGroup): number | null {
  const limit = ceilingIn(read('memory', LIMIT));
  const total = ceilingIn(read('memory', MEMSW));
  if (limit === null) return null;
  if (total === null) return limit === Infinity ? null : 0;
  return total === Infinity ? Infinity : Math.max(0, total - limit);
}

function more(read: ReadGroup): MemoryMore {
  const stat = keyed(read('memory', 'memory.stat'));
  const majorFaults = pick(stat, 'total_pgmajfault');
  return {
    limitCeiling: ceilingIn(read('memory', LIMIT)),
    highCeiling: null,
    reservationCeiling: ceilingIn(read('memory', 'memory.soft_limit_in_bytes')),
    swapCeiling: swapCeiling(read),
    shmemBytes: pick(stat, 'total_shmem'),
    kernelBytes: numberIn(read('memory', 'memory.kmem.usage_in_bytes')),
    dirtyBytes: pick(stat, 'total_dirty'),
    highHits: null,
    oomEvents: null,
    scannedPages: null,
    reclaimedPages: null,
    anonRefaults: pick(stat, 'total_workingset_refault_anon'),
    fileRefaults: pick(stat, 'total_workingset_refault_file'),
    minorFaults: less(pick(stat, 'total_pgfault'), majorFaults),
    majorFaults,
  };
}

export const memory: Driver<MemoryLimits, MemoryStats, MemoryMore> = {
  name: 'cgroup1',
  needs: ['memory'],
  uses: [],
  unenforceable: (limits) =>
    limits.highBytes === null
      ? []
      : [
          {
            limit: 'highBytes',
            why: 'cgroup v1 has no memory.high',
            mend: 'boot with systemd.unified_cgroup_hierarchy=1',
          },
        ],
  writes,
  inForce,
  stats,
  glance,
  more,
};
