import { describe, expect, it } from '@jest/globals';
import type { CgroupBase } from '../../../src/host/cgroup/base.js';
import { groupDirs, planGroup } from '../../../src/host/cgroup/group.js';
import { said } from '../units/wrong.js';
import { layoutOf } from './fixtures.js';

const ours: CgroupBase = { path: '/compart', unit: null, ours: true };
const V1 = ['memory', 'cpu', 'cpuacct', 'cpuset', 'blkio', 'pids'];
const V2 = ['memory', 'cpu', 'cpuset', 'io', 'pids'];

describe('planGroup', () => {
  it('is one directory on a unified host', () => {
    const group = planGroup(layoutOf('debian12-unified'), ours, 'a', V2, true);
    const dir = '/sys/fs/cgroup/compart/a';
    expect(group).toEqual({
      identity: dir,
      identityVersion: 2,
      dirs: { memory: dir, cpu: dir, cpuset: dir, io: dir, pids: dir },
      bases: ['/sys/fs/cgroup/compart'],
    });
    expect(groupDirs(group)).toEqual([dir]);
  });

  it('is one directory a hierarchy and the twin on a hybrid host, and cpu,cpuacct counts once', () => {
    const group = planGroup(layoutOf('ubuntu2004-hybrid'), ours, 'a', V1, true);
    expect(group.identity).toBe('/sys/fs/cgroup/unified/compart/a');
    expect(group.identityVersion).toBe(2);
    expect(group.dirs['cpu']).toBe('/sys/fs/cgroup/cpu,cpuacct/compart/a');
    expect(group.dirs['cpuacct']).toBe(group.dirs['cpu']);
    expect(group.dirs['freezer']).toBeUndefined();
    expect(groupDirs(group)).toHaveLength(6);
    expect(group.bases).toHaveLength(6);
    expect(groupDirs(planGroup(layoutOf('separate-hybrid'), ours, 'a', V1, true))).toHaveLength(7);
  });

  it('takes the freezer for identity where no v2 group can be joined', () => {
    for (const [host, twin] of [
      ['centos7-legacy', true],
      ['separate-hybrid', false],
    ] as const) {
      const group = planGroup(layoutOf(host), ours, 'a', ['memory'], twin);
      expect(group).toEqual({
        identity: '/sys/fs/cgroup/freezer/compart/a',
        identityVersion: 1,
        dirs: { memory: '/sys/fs/cgroup/memory/compart/a', freezer: '/sys/fs/cgroup/freezer/compart/a' },
        bases: ['/sys/fs/cgroup/memory/compart', '/sys/fs/cgroup/freezer/compart'],
      });
    }
  });

  it('leaves out controllers that the host lacks, and takes away no base that is not its own', () => {
    const group = planGroup(layoutOf('v2-without-memory'), { ...ours, ours: false }, 'a', V2, true);
    expect(Object.keys(group.dirs)).toEqual(['cpu', 'cpuset', 'io', 'pids']);
    expect(group.bases).toEqual([]);
  });

  it('stands at the mount point of a container, whose root is not the root of the hierarchy', () => {
    expect(planGroup(layoutOf('docker-v2-host'), ours, 'a', V2, true).identity).toBe(
      '/sys/fs/cgroup/compart/a',
    );
  });

  it('puts an idle one beside the base where there is such a place, to be taken away with the last', () => {
    const kept = { ...ours, idle: '/compart-idle', ours: false };
    const dir = '/sys/fs/cgroup/compart-idle/a';
    expect(planGroup(layoutOf('debian12-unified'), kept, 'a', ['cpu'], true, true)).toEqual({
      identity: dir,
      identityVersion: 2,
      dirs: { cpu: dir },
      bases: ['/sys/fs/cgroup/compart-idle'],
      idle: true,
    });
    const scope: CgroupBase = { path: '/system.slice/compart.scope', unit: 'system', ours: false };
    expect(planGroup(layoutOf('debian12-unified'), scope, 'a', ['cpu'], true, true)).toMatchObject({
      identity: '/sys/fs/cgroup/system.slice/compart.scope/a',
      bases: [],
      idle: true,
    });
  });

  it('needs a hierarchy', () => {
    expect(said(() => planGroup(layoutOf('no-cgroups'), ours, 'a', V1, true))).toEqual({
      code: 'ERR_COMPART_UNSUPPORTED',
      message: 'no cgroup hierarchy is mounted that could hold a compartment',
      hint: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    });
  });
});
