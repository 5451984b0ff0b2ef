import { describe, expect, it } from '@jest/globals';
import type { CpuLimits, FileWrite, IoDeviceLimits, MemoryLimits } from '../../../src/host/cgroup/driver.js';
import { cpu } from '../../../src/host/cgroup/v2/cpu.js';
import { io } from '../../../src/host/cgroup/v2/io.js';
import { memory } from '../../../src/host/cgroup/v2/memory.js';
import { pids } from '../../../src/host/cgroup/v2/pids.js';
import { groupOf } from './fixtures.js';

const MIB = 2 ** 20;
const shown = (writes: FileWrite[]): string[] =>
  writes.map(({ controller, file, value }) => `${controller} ${file}=${value}`);
const limits = (limit: number | null, high: number | null, swap: number | null): MemoryLimits => ({
  limitBytes: limit === null ? null : limit * MIB,
  highBytes: high === null ? null : high * MIB,
  swapLimitBytes: swap === null ? null : swap * MIB,
});

describe('memory on v2', () => {
  it.each<[string, MemoryLimits, string[]]>([
    [
      'opens swap before memory shrinks into it',
      limits(64, null, 32),
      ['memory.swap.max=33554432', 'memory.high=max', 'memory.max=67108864'],
    ],
    [
      'closes swap after memory has grown out of it',
      limits(256, 200, 0),
      ['memory.max=268435456', 'memory.high=209715200', 'memory.swap.max=0'],
    ],
    [
      'lifts everything',
      limits(null, null, null),
      ['memory.max=max', 'memory.high=max', 'memory.swap.max=max'],
    ],
    [
      'leaves swap alone where memory has no limit',
      limits(null, 64, 0),
      ['memory.max=max', 'memory.high=67108864', 'memory.swap.max=max'],
    ],
  ])('%s', (_what, next, files) => {
    expect(shown(memory.writes(next, groupOf('v2')))).toEqual(files.map((file) => `memory ${file}`));
  });

  it('sets a first limit on a new group', () => {
    const fresh = groupOf('v2', { 'memory.max': 'max', 'memory.high': 'max', 'memory.swap.max': 'max' });
    expect(memory.inForce(fresh)).toEqual(limits(null, null, null));
    expect(shown(memory.writes(limits(64, null, 0), fresh))).toEqual([
      'memory memory.swap.max=0',
      'memory memory.high=max',
      'memory memory.max=67108864',
    ]);
  });

  it('does without a swap file where the kernel has no swap: there is none then', () => {
    const swapless = groupOf('v2', { 'memory.swap.max': null, 'memory.swap.current': null });
    expect(shown(memory.writes(limits(64, null, 0), swapless))).toEqual([
      'memory memory.high=max',
      'memory memory.max=67108864',
    ]);
    expect(memory.inForce(swapless).swapLimitBytes).toBe(0);
    expect(memory.stats(swapless).swapBytes).toBeNull();
  });

  it('knows an idle group by its weight of 0, and takes the flag off before it gives another', () => {
    const idle = groupOf('v2', { 'cpu.weight': '0', 'cpuset.cpus': null });
    expect(cpu.inForce(idle).weight).toBe('idle');
    const written = (weight: CpuLimits['weight'], read: typeof idle): string[] =>
      shown(cpu.writes({ limitCpus: null, weight, cpus: null }, read)).slice(1);
    expect(written('idle', groupOf('v2', { 'cpuset.cpus': null }))).toEqual(['cpu cpu.idle=1']);
    expect(written(null, idle)).toEqual(['cpu cpu.idle=0', 'cpu cpu.weight=100']);
  });

  it('reads what is in force and every counter', () => {
    expect(memory.inForce(groupOf('v2'))).toEqual(limits(128, 115, 64));
    expect(memory.stats(groupOf('v2'))).toEqual({
      usageBytes: 104_857_600,
      limitBytes: 134_217_728,
      highBytes: 120_586_240,
      peakBytes: 134_217_728,
      workingSetBytes: 83_886_080,
      anonBytes: 73_400_320,
      cacheBytes: 25_165_824,
      swapBytes: 8192,
      swapLimitBytes: 67_108_864,
      oomKills: 3,
      limitHits: 1741,
      pressureSomeUs: 4_815_162,
      pressureFullUs: 342_108,
    });
  });

  it('knows no peak before Linux 5.19 and no pressure without PSI', () => {
    const old = groupOf('v2', { 'memory.peak': null, 'memory.pressure': null });
    expect(memory.stats(old)).toMatchObject({
      peakBytes: null,
      pressureSomeUs: null,
      pressureFullUs: null,
      oomKills: 3,
    });
  });
});

describe('cpu on v2', () => {
  it.each<[number | null, string]>([
    [0.5, '50000 100000'],
    [0.005, '5000 1000000'],
    [2.5, '250000 100000'],
    [null, 'max 100000'],
  ])('holds %j CPUs', (limitCpus, value) => {
    expect(shown(cpu.writes({ limitCpus, weight: null, cpus: null }, groupOf('v2')))).toEqual([
      `cpu cpu.max=${value}`,
      'cpu cpu.weight=100',
      'cpuset cpuset.cpus=\n',
    ]);
  });

  it('writes a weight as it is, and pins', () => {
    expect(shown(cpu.writes({ limitCpus: null, weight: 300, cpus: '0-2,5' }, groupOf('v2')))).toEqual([
      'cpu cpu.max=max 100000',
      'cpu cpu.weight=300',
      'cpuset cpuset.cpus=0-2,5',
    ]);
    const without = groupOf('v2', { 'cpuset.cpus': null, 'cpuset.cpus.effective': null });
    expect(cpu.writes({ limitCpus: null, weight: null, cpus: null }, without)).toHaveLength(2);
    expect(
      cpu.unenforceable({ limitCpus: null, weight: null, cpus: '0' }, () => ({ why: 'gone', mend: 'mend' })),
    ).toMatchObject([{ limit: 'cpus', why: 'gone' }]);
  });

  it('reads what is in force and every counter', () => {
    expect(cpu.stats(groupOf('v2'))).toEqual({
      limitCpus: 0.5,
      weight: 300,
      cpus: '0-3',
      usageUs: 2_503_117,
      userUs: 2_401_000,
      systemUs: 102_117,
      periods: 50,
      throttledPeriods: 49,
      throttledUs: 2_453_000,
      pressureSomeUs: 2_461_122,
    });
    expect(cpu.inForce(groupOf('v2', { 'cpu.max': 'max 100000', 'cpuset.cpus': '1-2' }))).toEqual({
      limitCpus: null,
      weight: 300,
      cpus: '1-2',
    });
  });
});

describe('pids on v2', () => {
  it('writes, reads back and counts', () => {
    expect(shown(pids.writes({ limit: 20 }, groupOf('v2')))).toEqual(['pids pids.max=20']);
    expect(pids.stats(groupOf('v2'))).toEqual({ limit: 20, current: 7, peak: 20, denied: 14 });
    expect(pids.name).toBe('cgroup2');
  });
});

describe('io on v2', () => {
  const none: Omit<IoDeviceLimits, 'device'> = {
    readBytesPerSecond: null,
    writeBytesPerSecond: null,
    readOpsPerSecond: null,
    writeOpsPerSecond: null,
  };

  it('knows what is in force', () => {
    expect(io.inForce(groupOf('v2'))).toEqual({
      devices: [
        { ...none, device: '8:0', writeBytesPerSecond: 10_485_760, writeOpsPerSecond: 120 },
        { ...none, device: '8:16', readBytesPerSecond: 2_097_152 },
      ],
    });
  });

  it('writes one line a device, and max for one that is not wanted any more', () => {
    const next = { devices: [{ ...none, device: '8:16', readBytesPerSecond: 4096, readOpsPerSecond: 10 }] };
    expect(shown(io.writes(next, groupOf('v2')))).toEqual([
      'io io.max=8:0 rbps=max wbps=max riops=max wiops=max',
      'io io.max=8:16 rbps=4096 wbps=max riops=10 wiops=max',
    ]);
  });

  it('sums over all devices, also where the kernel puts an idle one on the same line', () => {
    expect(io.stats(groupOf('v2'))).toEqual({
      readBytes: 91_889_664,
      writeBytes: 613_781_504,
      readOps: 9142,
      writeOps: 1605,
      pressureSomeUs: 871_003,
    });
    expect(io.stats(groupOf('v2', { 'io.stat': '' }))).toMatchObject({ readBytes: 0, writeOps: 0 });
  });
});
