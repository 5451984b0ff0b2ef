import { LiveMember } from '../../src/metrics/live/member.js';
import type { LiveStats } from '../../src/metrics/live/rates.js';
import { NO_COMMAND, RECORD_SCHEMA, type CompartmentRecord } from '../../src/state/record.js';

const SECOND_US = 1e6;

/** The record of a compartment that runs `command`. */
export const recordOf = (
  name: string,
  labels: Record<string, string> = {},
  command: string[] | null = ['sleep', '1'],
): CompartmentRecord => ({
  schema: RECORD_SCHEMA,
  id: `id-of-${name}`,
  name,
  kind: 'compartment',
  createdAt: Date.now() - 60_000,
  startedAt: null,
  endedAt: null,
  labels,
  spec: { ...NO_COMMAND, command },
  main: null,
  owner: null,
  exitCode: null,
  group: { identity: `/cg/${name}`, identityVersion: 2, dirs: {}, bases: [] },
  stack: false,
  subsystems: {},
});

/** Counters of one that uses `cpus`, `seconds` after its start, with a limit of one CPU and 64 MiB. */
export function statsAt(seconds: number, cpus: number, usageBytes = 2 ** 20): LiveStats {
  const pressureSomeUs = (seconds * SECOND_US) / 4;
  return {
    sched: {
      usageUs: seconds * cpus * SECOND_US,
      userUs: null,
      systemUs: null,
      limitCpus: 1,
      weight: null,
      cpus: null,
      periods: seconds * 10,
      throttledPeriods: seconds * 5,
      throttledUs: 0,
      pressureSomeUs,
    },
    vm: {
      usageBytes,
      limitBytes: 2 ** 26,
      highBytes: null,
      peakBytes: null,
      workingSetBytes: null,
      anonBytes: null,
      cacheBytes: null,
      swapBytes: null,
      swapLimitBytes: null,
      oomKills: 0,
      limitHits: null,
      pressureSomeUs: null,
      pressureFullUs: null,
    },
    net: { rxBytes: seconds * 1000, txBytes: null, rxLimitBps: null, txLimitBps: null },
    pids: { current: 3, limit: null, peak: null, denied: null },
  };
}

/** One of which two readings have been taken, a second apart. */
export function memberOf(
  name: string,
  cpus = 0.5,
  usageBytes?: number,
  ...more: [Record<string, string>?, (string[] | null)?]
): LiveMember {
  const member = new LiveMember(recordOf(name, ...more));
  member.state = 'running';
  for (const second of [1, 2]) member.heard(statsAt(second, cpus, usageBytes), second * 1000);
  return member;
}
