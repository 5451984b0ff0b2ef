import { describe, expect, it } from '@jest/globals';
import type { CpuStats, MemoryStats, PidsStats } from '../../src/host/cgroup/driver.js';
import { decide, unheldLine, verdictLine, type LastReadings } from '../../src/compartments/verdict.js';
import type { ExitStatus } from '../../src/host/launched.js';
import type { ExitRecord, Verdict } from '../../src/state/history.js';

const MIB = 2 ** 20;
const exited = (exitCode: number): ExitStatus => ({ exitCode, signal: null });
const killed: ExitStatus = { exitCode: null, signal: 'SIGKILL' };
const memory = (stats: Partial<MemoryStats>): LastReadings => ({
  vm: { oomKills: 0, ...stats } as MemoryStats,
});
const cpu = (throttledPeriods: number, periods: number): LastReadings => ({
  sched: { limitCpus: 0.1, periods, throttledPeriods } as CpuStats,
});
const tasks = (stats: Partial<PidsStats>): LastReadings => ({
  pids: { limit: 20, current: 0, peak: 20, denied: 0, ...stats },
});

describe('decide', () => {
  it.each<[string, ExitStatus, boolean, LastReadings, Verdict, ExitRecord['limitHit']]>([
    ['exit 0', exited(0), false, {}, 'ok', null],
    ['exit 1', exited(1), false, {}, 'failed', null],
    ['exit 137 of its own', exited(137), false, memory({}), 'failed', null],
    ['a signal', killed, false, memory({}), 'killed', null],
    ['a signal and an OOM kill', killed, false, memory({ oomKills: 1 }), 'oom', 'vm'],
    ['exit 0 though a child was OOM-killed', exited(0), false, memory({ oomKills: 2 }), 'oom', 'vm'],
    ['a fork that was refused', exited(1), false, tasks({ denied: 6 }), 'pids', 'pids'],
    [
      'an OOM kill and a refused fork',
      killed,
      false,
      { ...memory({ oomKills: 1 }), ...tasks({ denied: 1 }) },
      'oom',
      'vm',
    ],
    ['a timeout', killed, true, {}, 'timeout', null],
    ['a timeout of a command that was not throttled', killed, true, cpu(5, 10), 'timeout', null],
    ['a timeout of a command that was mostly throttled', killed, true, cpu(6, 10), 'timeout', 'sched'],
    ['a timeout that ended in an OOM kill', killed, true, memory({ oomKills: 1 }), 'timeout', null],
    ['throttling alone', exited(0), false, cpu(10, 10), 'ok', null],
    [
      'readings that the kernel does not report',
      exited(0),
      false,
      { vm: null, sched: null, pids: null },
      'ok',
      null,
    ],
    ['counters that are null', exited(0), false, memory({ oomKills: null }), 'ok', null],
  ])('%s', (_what, exit, timedOut, readings, verdict, limitHit) => {
    expect(decide(exit, timedOut, readings)).toEqual({ verdict, limitHit });
  });
});

describe('verdictLine', () => {
  const say = (
    verdict: Verdict,
    limitHit: ExitRecord['limitHit'],
    readings: LastReadings,
    timeoutMs: number | null = null,
  ): string | null => verdictLine({ name: 'build', verdict, limitHit }, readings, timeoutMs);

  it.each<[string, string | null, Parameters<typeof say>]>([
    [
      'an OOM',
      'build: out of memory: 3 processes killed at the 512 MiB limit (--mem), peak 512 MiB; try --mem 768M',
      ['oom', 'vm', memory({ oomKills: 3, limitBytes: 512 * MIB, peakBytes: 512 * MIB })],
    ],
    [
      'an OOM of one',
      'build: out of memory: 1 process killed at the 64 MiB limit (--mem), peak 63.9 MiB; try --mem 96M',
      ['oom', 'vm', memory({ oomKills: 1, limitBytes: 64 * MIB, peakBytes: 67_004_006 })],
    ],
    [
      'an OOM in 5 MiB',
      'build: out of memory: 1 process killed at the 5 MiB limit (--mem), peak 5 MiB; try --mem 8M',
      ['oom', 'vm', memory({ oomKills: 1, limitBytes: 5 * MIB, peakBytes: null })],
    ],
    [
      'an OOM in 2 GiB',
      'build: out of memory: 1 process killed at the 2 GiB limit (--mem), peak 2 GiB; try --mem 3G',
      ['oom', 'vm', memory({ oomKills: 1, limitBytes: 2048 * MIB, peakBytes: 2048 * MIB })],
    ],
    [
      'an OOM of the host',
      'build: out of memory: 1 process killed while the host had none left',
      ['oom', 'vm', memory({ oomKills: 1, limitBytes: null })],
    ],
    [
      'refused forks',
      'build: out of tasks: 6 forks refused at the limit of 20 (--pids), peak 20; try --pids 40',
      ['pids', 'pids', tasks({ denied: 6 })],
    ],
    [
      'a refused fork',
      'build: out of tasks: 1 fork refused at the limit of 20 (--pids), peak 20; try --pids 40',
      ['pids', 'pids', tasks({ denied: 1, peak: null })],
    ],
    ['a timeout', 'build: timed out after 30s (--timeout); try --timeout 1m', ['timeout', null, {}, 30_000]],
    ['a timeout that is not known any more', 'build: timed out (--timeout)', ['timeout', null, {}]],
    [
      'a timeout under a ceiling',
      'build: timed out after 10s (--timeout), held back by the 10% limit (--cpu) in 98% of the time; try --timeout 20s or more --cpu',
      ['timeout', 'sched', cpu(98, 100), 10_000],
    ],
    ['success', null, ['ok', null, {}]],
    ['failure', null, ['failed', null, {}]],
    ['a signal', null, ['killed', null, {}]],
  ])('%s', (_what, line, args) => {
    expect(say(...args)).toBe(line);
  });
});

describe('the line about a stack that was not held to the end', () => {
  const net = (rxLimitBps: number | null, txLimitBps: number | null): LastReadings => ({
    net: { refused: null, rxLimitBps, txLimitBps },
  });
  const asked = { rxLimitBps: 10e6, txLimitBps: 5e6 };
  it.each<[string, LastReadings, string | null]>([
    ['both shapers as asked', net(10e6, 5e6), null],
    ['one gone', net(null, 5e6), 'download'],
    ['one changed', net(10e6, 50e6), 'upload'],
    ['both gone', net(null, null), 'download and upload'],
    ['no reading at all', {}, 'download and upload'],
  ])('%s', (_what, readings, directions) => {
    const line = `web: --net did not hold to the end: somebody changed the shaper of its ${directions ?? ''} while it ran`;
    expect(unheldLine('web', asked, readings)).toBe(directions === null ? null : line);
  });

  it('is not there where nothing was asked for', () => {
    expect(unheldLine('web', { rxLimitBps: null, txLimitBps: null }, net(5e6, 5e6))).toBeNull();
  });
});
