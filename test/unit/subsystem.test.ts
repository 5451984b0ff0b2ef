import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { io } from '../../src/compartments/io/io.js';
import { sched } from '../../src/compartments/sched/sched.js';
import { vm } from '../../src/compartments/vm/vm.js';
import type { Loaded } from '../../src/compartments/subsystem.js';
import type { Group } from '../../src/host/cgroup/group.js';
import { Host } from '../../src/host/host.js';
import { useFolder } from './state.js';
import { said } from './units/wrong.js';

const MIB = 2 ** 20;
const folder = useFolder();
const file = (name: string): string => `${folder.path}/group/${name}`;
const group = (): Group => {
  const dir = `${folder.path}/group`;
  return {
    identity: dir,
    identityVersion: 2,
    dirs: { memory: dir, cpu: dir, cpuset: dir, io: dir, pids: dir },
    bases: [],
  };
};

/** A host of two CPUs with one v2 mount, all of it plain files; a group in it holds `files`. */
function host(files: Record<string, string>, swapKib = 0): Host {
  const { path } = folder;
  for (const dir of ['proc/self', 'sys/devices/system/cpu', 'cgroup', 'group'])
    mkdirSync(`${path}/${dir}`, { recursive: true });
  writeFileSync(`${path}/proc/self/mountinfo`, `31 22 0:28 / ${path}/cgroup rw - cgroup2 cgroup2 rw\n`);
  writeFileSync(`${path}/proc/self/cgroup`, '0::/\n');
  writeFileSync(`${path}/proc/meminfo`, `MemTotal: 1048576 kB\nSwapTotal: ${swapKib} kB\n`);
  writeFileSync(`${path}/sys/devices/system/cpu/online`, '0-1\n');
  writeFileSync(`${path}/cgroup/cgroup.controllers`, 'cpuset cpu io memory pids\n');
  for (const [name, text] of Object.entries(files)) writeFileSync(file(name), text);
  const paths = {
    proc: `${path}/proc`,
    sys: `${path}/sys`,
    state: `${path}/state`,
    log: `${path}/log`,
    native: () => '/bin/true',
    network: `${path}/network`,
  };
  return new Host(paths, { uid: 0, gid: 0 }, '/lab');
}

const loaded = (): Loaded => ({
  ground: { id: '1', name: 'lab', state: '', folder: '', group: group(), project: null },
  record: { driver: 'cgroup2', limits: null, notEnforced: [] },
});

describe('check', () => {
  it.each<[string, object, string, string]>([
    [
      'memory that nothing starts in',
      { limitBytes: MIB / 4 },
      '--mem: 256 KiB is less than any process can start in',
      'at least 512 KiB',
    ],
    [
      'a throttle that nothing starts in',
      { highBytes: 1 },
      '--mem-high: 1 B is less than any process can start in',
      'at least 512 KiB',
    ],
    [
      'a throttle above the limit',
      { limitBytes: 64 * MIB, highBytes: 65 * MIB },
      '--mem-high: 65 MiB is above the hard limit of 64 MiB',
      'give less than --mem',
    ],
    [
      'swap without memory',
      { swapLimitBytes: MIB },
      '--swap: swap counts on top of --mem, which is not given',
      'add --mem',
    ],
  ])('of vm refuses %s', (_what, asked, message, hint) => {
    expect(said(() => vm.check(host({}), null, asked))).toEqual({ code: 'ERR_COMPART_USAGE', message, hint });
  });

  it.each<[string, object, string, string]>([
    [
      'more than all CPUs',
      { limitCpus: 2.01 },
      '--cpu: 201% is more than the 2 CPUs of this host',
      'at most 200%, or max',
    ],
    [
      'less than the kernel holds',
      { limitCpus: 0.0005 },
      '--cpu: 0.05% is less than the kernel can hold',
      'at least 0.1%',
    ],
    [
      'a weight of 0',
      { weight: 0 },
      '--cpu-weight: 0 is out of range',
      "accepted: 1 to 10000, 100 is everybody's share",
    ],
    ['a CPU that is not there', { cpus: '0-3' }, '--cpus: this host has no CPU 2-3', 'online: 0-1'],
  ])('of sched refuses %s', (_what, asked, message, hint) => {
    expect(said(() => sched.check(host({}), null, asked))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message,
      hint,
    });
  });

  it('counts what is in force already', () => {
    const lent = host({ 'memory.max': '67108864', 'memory.high': 'max', 'memory.swap.max': '0' });
    expect(said(() => vm.check(lent, loaded(), { highBytes: 65 * MIB })).message).toBe(
      '--mem-high: 65 MiB is above the hard limit of 64 MiB',
    );
    vm.check(lent, loaded(), { highBytes: 63 * MIB });
    vm.check(lent, loaded(), { swapLimitBytes: MIB });
    vm.check(lent, null, { limitBytes: 512 * 1024 });
  });
});

describe('load', () => {
  it('writes the limits and says what is in force then', () => {
    const lent = host({ 'memory.max': 'max', 'memory.high': 'max', 'memory.swap.max': '9' });
    const record = vm.load(lent, loaded().ground, { limitBytes: 64 * MIB });
    expect(record).toEqual({
      driver: 'cgroup2',
      limits: { limitBytes: 64 * MIB, highBytes: null, swapLimitBytes: 0 },
      notEnforced: [],
    });
    expect(readFileSync(file('memory.max'), 'utf8')).toBe('67108864');
    expect(readFileSync(file('memory.swap.max'), 'utf8')).toBe('0');
  });

  it('refuses to pretend: swap that the kernel has no file for', () => {
    const lent = host({ 'memory.max': 'max', 'memory.high': 'max' }, 4096);
    expect(
      said(() => vm.load(lent, loaded().ground, { limitBytes: 64 * MIB, swapLimitBytes: 16 * MIB })),
    ).toMatchObject({
      code: 'ERR_COMPART_KERNEL',
      message: 'the kernel took swapLimitBytes 16777216 and does not hold it',
    });
  });
});

describe('refusals', () => {
  it('are none where the host has it all, and name the flag where it has no swap', () => {
    expect(vm.refusals(host({}), { limitBytes: MIB, swapLimitBytes: 0 })).toEqual([]);
    expect(vm.refusals(host({}), { limitBytes: MIB, swapLimitBytes: 1 })).toMatchObject([
      { flag: '--swap', why: 'this host has no swap' },
    ]);
    expect(vm.refusals(host({}, 4096), { limitBytes: MIB, swapLimitBytes: 1 })).toEqual([]);
  });

  it('name every flag once where the controller is missing', () => {
    const lent = host({});
    writeFileSync(`${folder.path}/cgroup/cgroup.controllers`, 'cpu\n');
    expect(
      vm.refusals(lent, { limitBytes: MIB, swapLimitBytes: 0 }).map(({ flag, why }) => [flag, why]),
    ).toEqual([
      ['--mem', 'the kernel offers no memory controller here'],
      ['--swap', 'the kernel offers no memory controller here'],
    ]);
    expect(sched.refusals(lent, { cpus: '0' })).toMatchObject([{ flag: '--cpus' }]);
    expect(sched.probe(lent).driver).toBe('cgroup2');
    expect(vm.probe(lent).driver).toBeNull();
  });
});

describe('update of io', () => {
  it('changes one limit of one device and keeps the others', () => {
    const lent = host({ 'io.max': '8:0 rbps=max wbps=10485760 riops=max wiops=120' });
    const updated = io.update(lent, loaded(), {
      devices: [{ device: '8:0', readBytesPerSecond: 4096 } as never],
    });
    expect(updated.limits).toEqual({
      devices: [
        {
          device: '8:0',
          readBytesPerSecond: 4096,
          writeBytesPerSecond: 10_485_760,
          readOpsPerSecond: null,
          writeOpsPerSecond: 120,
        },
      ],
    });
  });
});
