import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CpuLimits, FileWrite, IoDeviceLimits, MemoryLimits } from '../../../src/host/cgroup/driver.js';
import { cpu, sharesFor } from '../../../src/host/cgroup/v1/cpu.js';
import { io } from '../../../src/host/cgroup/v1/io.js';
import { memory } from '../../../src/host/cgroup/v1/memory.js';
import { pids } from '../../../src/host/cgroup/v1/pids.js';
import { emptyGroup, groupOf } from './fixtures.js';

const MIB = 2 ** 20;
const UNLIMITED = '9223372036854771712';
const shown = (writes: FileWrite[]): string[] =>
  writes.map(({ controller, file, value }) => `${controller} ${file}=${value}`);
const LIMIT = 'memory.limit_in_bytes';
const MEMSW = 'memory.memsw.limit_in_bytes';

/** A group with these limits in MiB in force. */
const memoryAt = (limit: number, total: number): ReturnType<typeof groupOf> =>
  groupOf('v1', { [LIMIT]: String(limit * MIB), [MEMSW]: String(total * MIB) });
const limits = (limit: number | null, swap: number | null): MemoryLimits => ({
  limitBytes: limit === null ? null : limit * MIB,
  highBytes: null,
  swapLimitBytes: swap === null ? null : swap * MIB,
});

describe('memory on v1', () => {
  it.each<[string, ReturnType<typeof groupOf>, MemoryLimits, string[]]>([
    [
      'shrinks memory before both together',
      memoryAt(128, 128),
      limits(64, 0),
      [`${LIMIT}=67108864`, `${MEMSW}=67108864`],
    ],
    [
      'grows both together before memory',
      memoryAt(64, 64),
      limits(128, 0),
      [`${MEMSW}=134217728`, `${LIMIT}=134217728`],
    ],
    [
      'sets a first limit below what is unlimited',
      groupOf('v1', { [LIMIT]: UNLIMITED }),
      limits(64, 16),
      [`${LIMIT}=67108864`, `${MEMSW}=83886080`],
    ],
    ['lifts both together first', memoryAt(64, 64), limits(null, null), [`${MEMSW}=-1`, `${LIMIT}=-1`]],
    [
      'leaves swap unlimited on top of a limit',
      memoryAt(64, 64),
      limits(128, null),
      [`${MEMSW}=-1`, `${LIMIT}=134217728`],
    ],
    [
      'takes swap away while memory grows',
      memoryAt(64, 192),
      limits(128, 0),
      [`${LIMIT}=134217728`, `${MEMSW}=134217728`],
    ],
    [
      'gives swap while memory shrinks',
      memoryAt(128, 128),
      limits(64, 128),
      [`${MEMSW}=201326592`, `${LIMIT}=67108864`],
    ],
  ])('%s', (_what, read, next, files) => {
    expect(shown(memory.writes(next, read))).toEqual(files.map((file) => `memory ${file}`));
  });

  it('never asks for a moment in which memory may be more than both together: the kernel refuses that', () => {
    const amount = fc.nat(64);
    fc.assert(
      fc.property(amount, amount, amount, amount, (limit, swap, nextLimit, nextSwap) => {
        const now = new Map([
          [LIMIT, limit * MIB],
          [MEMSW, (limit + swap) * MIB],
        ]);
        const reader = groupOf('v1', { [LIMIT]: String(limit * MIB), [MEMSW]: String((limit + swap) * MIB) });
        for (const { file, value } of memory.writes(limits(nextLimit, nextSwap), reader)) {
          now.set(file, Number(value));
          expect(now.get(LIMIT)).toBeLessThanOrEqual(now.get(MEMSW) ?? 0);
        }
        expect([now.get(LIMIT), now.get(MEMSW)]).toEqual([nextLimit * MIB, (nextLimit + nextSwap) * MIB]);
      }),
    );
  });

  it('turns swapping off where the kernel does not count swap', () => {
    const read = groupOf('v1', { [MEMSW]: null });
    expect(shown(memory.writes(limits(64, 0), read))).toEqual([
      `memory ${LIMIT}=67108864`,
      'memory memory.swappiness=0',
    ]);
    expect(shown(memory.writes(limits(null, null), read))).toEqual([
      `memory ${LIMIT}=-1`,
      'memory memory.swappiness=60',
    ]);
    expect(memory.inForce(read)).toEqual(limits(64, 0));
  });

  it('knows what is in force', () => {
    expect(memory.inForce(groupOf('v1'))).toEqual(limits(64, null));
    expect(memory.inForce(memoryAt(64, 96))).toEqual(limits(64, 32));
    expect(memory.inForce(groupOf('v1', { [LIMIT]: UNLIMITED }))).toEqual(limits(null, null));
  });

  it('reads what a kernel showed after a hog died in 64 MiB', () => {
    expect(memory.stats(groupOf('v1'))).toEqual({
      usageBytes: 655_360,
      limitBytes: 67_108_864,
      highBytes: null,
      peakBytes: 67_108_864,
      workingSetBytes: 520_192,
      anonBytes: 0,
      cacheBytes: 389_120,
      swapBytes: 0,
      swapLimitBytes: null,
      oomKills: 1,
      limitHits: 1053,
      pressureSomeUs: null,
      pressureFullUs: null,
    });
  });

  it('cannot hold a throttling limit, and says so', () => {
    expect(memory.unenforceable({ ...limits(64, 0), highBytes: MIB }, () => null)).toMatchObject([
      { limit: 'highBytes', why: 'cgroup v1 has no memory.high' },
    ]);
    expect(memory.unenforceable(limits(64, 0), () => null)).toEqual([]);
  });
});

describe('cpu on v1', () => {
  it.each<[number | null, string[]]>([
    [0.5, ['cpu.cfs_period_us=100000', 'cpu.cfs_quota_us=50000']],
    [0.005, ['cpu.cfs_period_us=1000000', 'cpu.cfs_quota_us=5000']],
    [2.5, ['cpu.cfs_period_us=100000', 'cpu.cfs_quota_us=250000']],
    [null, ['cpu.cfs_quota_us=-1']],
  ])('holds %j CPUs', (limitCpus, files) => {
    const written = shown(cpu.writes({ limitCpus, weight: null, cpus: null }, groupOf('v1')));
    expect(written).toEqual([...files.map((file) => `cpu ${file}`), 'cpu cpu.shares=1024']);
  });

  it('turns weights into shares in proportion, and back', () => {
    expect([1, 50, 100, 300, 10_000].map(sharesFor)).toEqual([10, 512, 1024, 3072, 102_400]);
    const read = (weight: number): CpuLimits['weight'] =>
      cpu.inForce(groupOf('v1', { 'cpu.shares': String(sharesFor(weight)) })).weight;
    fc.assert(fc.property(fc.integer({ min: 1, max: 10_000 }), (weight) => read(weight) === weight));
  });

  it('knows an idle group by its shares and its flag, and takes the flag off before it gives a weight', () => {
    const idle = groupOf('v1', { 'cpu.shares': '3', 'cpu.idle': '1' });
    expect(cpu.inForce(idle).weight).toBe('idle');
    expect(cpu.inForce(groupOf('v1', { 'cpu.shares': '3', 'cpu.idle': '0' })).weight).toBe(1);
    const written = (weight: CpuLimits['weight'], read: typeof idle): string[] =>
      shown(cpu.writes({ limitCpus: null, weight, cpus: null }, read)).slice(1);
    expect(written('idle', groupOf('v1'))).toEqual(['cpu cpu.idle=1']);
    expect(written(null, idle)).toEqual(['cpu cpu.idle=0', 'cpu cpu.shares=1024']);
  });

  it('pins where there is a cpuset, and refuses where there is none', () => {
    const next = { limitCpus: null, weight: 100, cpus: '1' };
    expect(shown(cpu.writes(next, groupOf('v1')))).toContain('cpuset cpuset.cpus=1');
    expect(shown(cpu.writes(next, groupOf('v1', { 'cpuset.cpus': null }))).join()).not.toContain('cpuset');
    expect(cpu.unenforceable(next, () => null)).toEqual([]);
    expect(cpu.unenforceable(next, () => ({ why: 'gone', mend: 'mend' }))).toMatchObject([
      { limit: 'cpus', why: 'gone', mend: 'mend' },
    ]);
  });

  it('reads what a kernel showed of a group at half a CPU', () => {
    expect(cpu.stats(groupOf('v1'))).toEqual({
      limitCpus: 0.5,
      weight: 100,
      cpus: '0-1',
      usageUs: 773_724,
      userUs: 621_837,
      systemUs: 151_964,
      periods: 19,
      throttledPeriods: 15,
      throttledUs: 768_693,
      pressureSomeUs: 768_692,
    });
  });

  it('asks the twin for the usage where cpuacct is not mounted', () => {
    const read = groupOf('v1', {
      'cpuacct.usage': null,
      'cpuacct.usage_user': null,
      'cpuacct.usage_sys': null,
    });
    const reader: typeof read = (controller, file) =>
      controller === 'cpu' && file === 'cpu.stat' ? groupOf('v1')('cpu', file) : read(controller, file);
    expect(cpu.stats(reader)).toMatchObject({
      usageUs: 773_801,
      userUs: 621_837,
      systemUs: 151_964,
      periods: 19,
    });
  });

  it('asks cpuacct for user and system where there is no twin', () => {
    const read = groupOf('v1');
    const reader: typeof read = (controller, file) =>
      controller === 'identity' ? null : read(controller, file);
    expect(cpu.stats(reader)).toMatchObject({ usageUs: 773_724, userUs: 607_937, systemUs: 151_966 });
  });

  it('has no ceiling where the quota is -1', () => {
    expect(cpu.inForce(groupOf('v1', { 'cpu.cfs_quota_us': '-1' })).limitCpus).toBeNull();
  });
});

describe('pids on v1', () => {
  it('writes, reads back and counts', () => {
    expect(shown(pids.writes({ limit: 20 }, emptyGroup))).toEqual(['pids pids.max=20']);
    expect(shown(pids.writes({ limit: null }, emptyGroup))).toEqual(['pids pids.max=max']);
    expect(pids.inForce(groupOf('v1', { 'pids.max': 'max' }))).toEqual({ limit: null });
    expect(pids.stats(groupOf('v1'))).toEqual({ limit: 20, current: 0, peak: 20, denied: 6 });
  });

  it('knows no peak on a kernel that does not keep it', () => {
    expect(pids.stats(groupOf('v1', { 'pids.peak': null })).peak).toBeNull();
  });
});

describe('io on v1', () => {
  const none: Omit<IoDeviceLimits, 'device'> = {
    readBytesPerSecond: null,
    writeBytesPerSecond: null,
    readOpsPerSecond: null,
    writeOpsPerSecond: null,
  };

  it('knows what is in force, a device over all four files', () => {
    expect(io.inForce(groupOf('v1'))).toEqual({
      devices: [
        { ...none, device: '254:0', writeBytesPerSecond: 10_485_760, readOpsPerSecond: 1000 },
        { ...none, device: '254:16', writeBytesPerSecond: 1_048_576 },
      ],
    });
  });

  it('writes what differs and takes away what is not wanted any more', () => {
    const next = {
      devices: [{ ...none, device: '254:0', writeBytesPerSecond: 10_485_760, readBytesPerSecond: 4096 }],
    };
    expect(shown(io.writes(next, groupOf('v1')))).toEqual([
      'blkio blkio.throttle.read_bps_device=254:0 4096',
      'blkio blkio.throttle.read_iops_device=254:0 0',
      'blkio blkio.throttle.write_bps_device=254:16 0',
    ]);
    expect(io.writes(io.inForce(groupOf('v1')), groupOf('v1'))).toEqual([]);
  });

  it('sums over all devices', () => {
    expect(io.stats(groupOf('v1'))).toEqual({
      readBytes: 8_396_800,
      writeBytes: 8_388_608,
      readOps: 10,
      writeOps: 8,
      pressureSomeUs: null,
    });
  });

  it('counts 0 where the kernel has counted nothing yet', () => {
    const idle = groupOf('v1', {
      'blkio.throttle.io_service_bytes_recursive': 'Total 0',
      'blkio.throttle.io_serviced_recursive': 'Total 0',
    });
    expect(io.stats(idle)).toEqual({
      readBytes: 0,
      writeBytes: 0,
      readOps: 0,
      writeOps: 0,
      pressureSomeUs: null,
    });
  });
});
