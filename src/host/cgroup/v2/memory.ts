import type { Driver, FileWrite, MemoryLimits, MemoryMore, MemoryStats, ReadGroup } from '../driver.js';
import { ceilingIn, keyed, less, numberIn, orMax, pick, pressureUs } from '../parse.js';

const write = (file: string, value: number | null): FileWrite => ({
  controller: 'memory',
  file,
  value: orMax(value),
});

/** Swap is opened before memory shrinks into it, and closed after memory has grown out of it. */
function writes(next: MemoryLimits, read: ReadGroup): FileWrite[] {
  const max = write('memory.max', next.limitBytes);
  const high = write('memory.high', next.highBytes);
  if (read('memory', 'memory.swap.max') === null) return [high, max];
  const swap = write('memory.swap.max', next.limitBytes === null ? null : next.swapLimitBytes);
  const grows = (next.limitBytes ?? Infinity) > (numberIn(read('memory', 'memory.max')) ?? Infinity);
  return grows ? [max, high, swap] : [swap, high, max];
}

function inForce(read: ReadGroup): MemoryLimits {
  const limitBytes = numberIn(read('memory', 'memory.max'));
  const swap = read('memory', 'memory.swap.max');
  return {
    limitBytes,
    highBytes: numberIn(read('memory', 'memory.high')),
    // No file: a kernel without swap, where none can be used.
    swapLimitBytes: swap === null ? 0 : numberIn(swap),
  };
}

function stats(read: ReadGroup): MemoryStats {
  const file = (name: string): number | null => numberIn(read('memory', name));
  const stat = keyed(read('memory', 'memory.stat'));
  const events = keyed(read('memory', 'memory.events'));
  const pressure = read('memory', 'memory.pressure');
  const usage = file('memory.current');
  const inactive = pick(stat, 'inactive_file');
  const limits = inForce(read);
  return {
    usageBytes: usage,
    limitBytes: limits.limitBytes,
    highBytes: limits.highBytes,
    peakBytes: file('memory.peak'),
    workingSetBytes: usage === null || inactive === null ? null : Math.max(0, usage - inactive),
    anonBytes: pick(stat, 'anon'),
    cacheBytes: pick(stat, 'file'),
    swapBytes: file('memory.swap.current'),
    swapLimitBytes: limits.swapLimitBytes,
    oomKills: pick(events, 'oom_kill'),
    limitHits: pick(events, 'max'),
    pressureSomeUs: pressureUs(pressure, 'some'),
    pressureFullUs: pressureUs(pressure, 'full'),
  };
}

const glance = (read: ReadGroup): Pick<MemoryStats, 'usageBytes' | 'limitBytes'> => ({
  usageBytes: numberIn(read('memory', 'memory.current')),
  limitBytes: numberIn(read('memory', 'memory.max')),
});

function more(read: ReadGroup): MemoryMore {
  const ceiling = (name: string): number | null => ceilingIn(read('memory', name));
  const stat = keyed(read('memory', 'memory.stat'));
  const events = keyed(read('memory', 'memory.events'));
  const majorFaults = pick(stat, 'pgmajfault');
  return {
    limitCeiling: ceiling('memory.max'),
    highCeiling: ceiling('memory.high'),
    reservationCeiling: ceiling('memory.low'),
    swapCeiling: ceiling('memory.swap.max'),
    shmemBytes: pick(stat, 'shmem'),
    kernelBytes: pick(stat, 'kernel'),
    dirtyBytes: pick(stat, 'file_dirty'),
    highHits: pick(events, 'high'),
    oomEvents: pick(events, 'oom'),
    scannedPages: pick(stat, 'pgscan'),
    reclaimedPages: pick(stat, 'pgsteal'),
    anonRefaults: pick(stat, 'workingset_refault_anon'),
    fileRefaults: pick(stat, 'workingset_refault_file'),
    minorFaults: less(pick(stat, 'pgfault'), majorFaults),
    majorFaults,
  };
}

export const memory: Driver<MemoryLimits, MemoryStats, MemoryMore> = {
  name: 'cgroup2',
  needs: ['memory'],
  uses: [],
  unenforceable: () => [],
  writes,
  inForce,
  stats,
  glance,
  more,
};
