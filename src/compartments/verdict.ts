import { formatCpu } from '../shared/units/cpu.js';
import { formatDuration } from '../shared/units/duration.js';
import { formatSize, sizeFlag } from '../shared/units/size.js';
import type { CpuStats, MemoryStats, PidsStats } from '../host/cgroup/driver.js';
import type { ExitStatus } from '../host/launched.js';
import type { ExitRecord, Verdict } from '../state/history.js';

/** The last readings that decide; a subsystem that was not loaded is absent. */
export interface LastReadings {
  vm?: MemoryStats | null;
  sched?: CpuStats | null;
  pids?: PidsStats | null;
  net?: { refused: number | null; rxLimitBps?: number | null; txLimitBps?: number | null } | null;
}

type Decision = Pick<ExitRecord, 'verdict' | 'limitHit'>;

/** From here on a ceiling on CPU time counts as what kept a command from ending in time. */
const MOSTLY_THROTTLED = 0.5;

/**
 * Which limit decided how a command ended. A process that the limit killed or a fork that it refused decides
 * even where the command itself went on to exit 0. Pure.
 */
export function decide(exit: ExitStatus, timedOut: boolean, readings: LastReadings): Decision {
  if (timedOut) return { verdict: 'timeout', limitHit: wasThrottled(readings.sched) ? 'sched' : null };
  if ((readings.vm?.oomKills ?? 0) > 0) return { verdict: 'oom', limitHit: 'vm' };
  if ((readings.pids?.denied ?? 0) > 0) return { verdict: 'pids', limitHit: 'pids' };
  const verdict: Verdict = exit.signal !== null ? 'killed' : exit.exitCode === 0 ? 'ok' : 'failed';
  const refused = verdict === 'failed' && (readings.net?.refused ?? 0) > 0;
  return { verdict, limitHit: refused ? 'net' : null };
}

function wasThrottled(sched: CpuStats | null | undefined): boolean {
  const periods = sched?.periods ?? 0;
  return periods > 0 && (sched?.throttledPeriods ?? 0) / periods > MOSTLY_THROTTLED;
}

export const count = (number: number, one: string): string => `${number} ${one}${number === 1 ? '' : 'es'}`;

/** The rates that a stack was to be held to; null for no limit. */
export interface AskedRates {
  rxLimitBps: number | null;
  txLimitBps: number | null;
}

/**
 * The line about a stack whose shaper somebody took away while the command ran, null where it is there to the end.
 * Pure.
 */
export function unheldLine(name: string, asked: AskedRates, { net }: LastReadings): string | null {
  const lost = (['rxLimitBps', 'txLimitBps'] as const).filter(
    (key) => asked[key] !== null && net?.[key] !== asked[key],
  );
  if (lost.length === 0) return null;
  const directions = lost.map((key) => (key === 'rxLimitBps' ? 'download' : 'upload')).join(' and ');
  return `${name}: --net did not hold to the end: somebody changed the shaper of its ${directions} while it ran`;
}

/** Half as much again, rounded up to a size that reads well. */
export function moreMemory(limitBytes: number): string {
  const step = limitBytes >= 2 ** 30 ? 2 ** 28 : limitBytes >= 2 ** 24 ? 2 ** 23 : 2 ** 20;
  return sizeFlag(Math.ceil((limitBytes * 1.5) / step) * step);
}

/**
 * The one line that says which limit decided, the limit, the peak and what to try; null where none did.
 * @param timeoutMs what --timeout asked for
 */
export function verdictLine(
  record: Pick<ExitRecord, 'name' | 'verdict' | 'limitHit'>,
  readings: LastReadings,
  timeoutMs: number | null,
): string | null {
  const { vm, sched, pids } = readings;
  switch (record.verdict) {
    case 'oom': {
      const limit = vm?.limitBytes ?? null;
      const killed = count(vm?.oomKills ?? 0, 'process');
      if (limit === null)
        return `${record.name}: out of memory: ${killed} killed while the host had none left`;
      return (
        `${record.name}: out of memory: ${killed} killed at the ${formatSize(limit)} limit (--mem), ` +
        `peak ${formatSize(vm?.peakBytes ?? limit)}; try --mem ${moreMemory(limit)}`
      );
    }
    case 'pids': {
      const limit = pids?.limit ?? 0;
      const peak = pids?.peak ?? limit;
      const refused = pids?.denied ?? 0;
      return `${record.name}: out of tasks: ${refused} fork${refused === 1 ? '' : 's'} refused at the limit of ${limit} (--pids), peak ${peak}; try --pids ${limit * 2}`;
    }
    case 'timeout': {
      const after = timeoutMs === null ? '' : ` after ${formatDuration(timeoutMs)}`;
      const longer = timeoutMs === null ? '' : `; try --timeout ${formatDuration(timeoutMs * 2)}`;
      if (record.limitHit !== 'sched') return `${record.name}: timed out${after} (--timeout)${longer}`;
      const share = Math.round((100 * (sched?.throttledPeriods ?? 0)) / (sched?.periods ?? 1));
      return (
        `${record.name}: timed out${after} (--timeout), held back by the ${formatCpu(sched?.limitCpus ?? 0)} limit (--cpu) ` +
        `in ${share}% of the time${longer} or more --cpu`
      );
    }
    default: {
      const refused = readings.net?.refused ?? 0;
      if (refused === 0) return null;
      return `${record.name}: ${refused} connection${refused === 1 ? '' : 's'} refused by --allow; try --allow for where it has to go`;
    }
  }
}
