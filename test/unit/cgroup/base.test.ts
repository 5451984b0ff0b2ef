import { describe, expect, it } from '@jest/globals';
import {
  chooseBase,
  compartmentAt,
  enclosing,
  refusalOf,
  type CgroupBase,
} from '../../../src/host/cgroup/base.js';
import { said } from '../units/wrong.js';
import { facts, layoutOf, type HostName } from './fixtures.js';

const ours: CgroupBase = { path: '/compart', unit: null, idle: '/compart-idle', ours: true };
const delegated: CgroupBase = { path: '/compart-1000', unit: null, ours: false };

describe('chooseBase', () => {
  it.each<[string, HostName, Parameters<typeof facts>[0], CgroupBase]>([
    ['root without systemd', 'separate-hybrid', {}, ours],
    ['root under systemd', 'debian12-unified', { systemd: true }, { path: '/', unit: 'system', ours: false }],
    [
      'a user under systemd',
      'debian12-unified',
      { systemd: true, uid: 1000 },
      { path: '/', unit: 'user', ours: false },
    ],
    ['a user without systemd', 'separate-hybrid', { uid: 1000 }, delegated],
    [
      'a user under systemd whom a subtree was handed',
      'debian12-unified',
      { systemd: true, uid: 1000, writable: (dir) => dir === '/sys/fs/cgroup/compart-1000' },
      delegated,
    ],
    [
      'a user whom a subtree of one v1 hierarchy was handed',
      'ubuntu2004-hybrid',
      { systemd: true, uid: 1000, writable: (dir) => dir === '/sys/fs/cgroup/memory/compart-1000' },
      delegated,
    ],
    [
      'root with an override',
      'debian12-unified',
      { systemd: true, override: '/lab/a' },
      { path: '/lab/a', unit: null, idle: '/lab/a-idle', ours: true },
    ],
    [
      'a user with an override',
      'debian12-unified',
      { uid: 1000, override: '/lab' },
      { path: '/lab', unit: null, ours: false },
    ],
  ])('for %s', (_who, host, changed, base) => {
    expect(chooseBase(layoutOf(host), facts(changed))).toEqual(base);
  });

  it.each(['lab', '/', '/lab/', '//lab', '/lab/../..', '/..', '/./lab', ''])(
    'refuses the override %j',
    (override) => {
      expect(said(() => chooseBase(layoutOf('debian12-unified'), facts({ override })))).toEqual({
        code: 'ERR_COMPART_USAGE',
        message: `COMPART_CGROUP: "${override}" is not the path of a group`,
        hint: 'as in COMPART_CGROUP=/compart, below the mount points',
      });
    },
  );
});

describe('enclosing', () => {
  it('names the compartment that the caller is in, whichever hierarchy says so', () => {
    expect(enclosing(layoutOf('separate-hybrid'), { ...ours, path: '/worker' })).toBe('0123456789abcdef');
    expect(enclosing(layoutOf('debian12-unified'), { ...ours, path: '/user.slice' })).toBe('user-1000.slice');
  });

  it('is null outside, in the base itself, beside a base of a similar name, and for a base that is not known yet', () => {
    expect(enclosing(layoutOf('separate-hybrid'), ours)).toBeNull();
    expect(enclosing(layoutOf('separate-hybrid'), { ...ours, path: '/worker/0123456789abcdef' })).toBeNull();
    expect(enclosing(layoutOf('separate-hybrid'), { ...ours, path: '/work' })).toBeNull();
    expect(enclosing(layoutOf('debian12-unified'), { path: '/', unit: 'system', ours: false })).toBeNull();
    expect(enclosing(layoutOf('no-cgroups'), ours)).toBeNull();
  });

  it('is null for the leaf of a v2 subtree in which an administrator has put a shell, and only there', () => {
    expect(compartmentAt(delegated, '/compart-1000/shell', 2)).toBeNull();
    expect(compartmentAt(delegated, '/compart-1000/shell', 1)).toBe('shell');
    expect(compartmentAt(ours, '/compart/shell/below', 2)).toBe('shell');
    expect(compartmentAt({ path: '/a.scope', unit: 'user', ours: false }, '/a.scope/shell', 2)).toBe('shell');
  });
});

describe('refusalOf', () => {
  it.each<[HostName, string]>([
    ['debian12-unified', 'memory'],
    ['debian12-unified', 'io'],
    ['ubuntu2004-hybrid', 'memory'],
    ['ubuntu2004-hybrid', 'blkio'],
    ['separate-hybrid', 'pids'],
    ['centos7-legacy', 'cpu'],
    ['docker-v2-host', 'memory'],
  ])('has none for root on %s and %s', (host, controller) => {
    expect(refusalOf(layoutOf(host), ours, facts(), controller)).toBeNull();
  });

  it.each<[HostName, string, string, string]>([
    ['no-cgroups', 'memory', 'no cgroup file system is mounted', 'mount -t cgroup2 cgroup2 /sys/fs/cgroup'],
    [
      'v2-without-memory',
      'memory',
      'the kernel offers no memory controller here',
      'boot with cgroup_enable=memory, or have it enabled in cgroup.subtree_control of the parent group',
    ],
    [
      'v2-named-systemd',
      'cpuset',
      'the kernel offers no cpuset controller here',
      'build the kernel with the cpuset controller, or have it enabled in cgroup.subtree_control of the parent group',
    ],
    [
      'docker-v1-host',
      'hugetlb',
      'the kernel offers no hugetlb controller here',
      'mount -t cgroup -o hugetlb cgroup /sys/fs/cgroup/hugetlb',
    ],
    [
      'separate-hybrid',
      'io',
      'the kernel offers no io controller here',
      'mount -t cgroup -o io cgroup /sys/fs/cgroup/io',
    ],
    [
      'docker-v2-private',
      'memory',
      'the memory controller is mounted read-only at /sys/fs/cgroup',
      'mount -o remount,rw /sys/fs/cgroup',
    ],
    [
      'docker-v1-host',
      'cpu',
      'the cpu controller is mounted read-only at /sys/fs/cgroup/cpu,cpuacct',
      'mount -o remount,rw /sys/fs/cgroup/cpu,cpuacct',
    ],
  ])('on %s refuses %s: %s', (host, controller, why, mend) => {
    expect(refusalOf(layoutOf(host), ours, facts(), controller)).toEqual({ why, mend });
  });

  it('tells a user without a subtree the line that an administrator types, v2 and v1', () => {
    const user = facts({ uid: 1000 });
    expect(refusalOf(layoutOf('debian12-unified'), delegated, user, 'memory')).toEqual({
      why: 'uid 1000 has no delegated subtree for the memory controller',
      mend: 'as root: echo +memory > /sys/fs/cgroup/cgroup.subtree_control && mkdir -p /sys/fs/cgroup/compart-1000 && chown -R 1000 /sys/fs/cgroup/compart-1000',
    });
    expect(refusalOf(layoutOf('separate-hybrid'), delegated, user, 'memory')?.mend).toBe(
      'as root: mkdir -p /sys/fs/cgroup/memory/compart-1000 && chown -R 1000 /sys/fs/cgroup/memory/compart-1000',
    );
  });

  it('lets a user into a subtree of v1 from anywhere, into one of v2 only from within', () => {
    const user = facts({ uid: 1000, writable: () => true });
    expect(refusalOf(layoutOf('separate-hybrid'), delegated, user, 'memory')).toBeNull();
    expect(refusalOf(layoutOf('debian12-unified'), delegated, user, 'memory')).toEqual({
      why: 'a process outside /sys/fs/cgroup/compart-1000 cannot be moved into it by uid 1000',
      mend: 'as root: echo $$ > /sys/fs/cgroup/compart-1000/shell/cgroup.procs, for the shell that runs compart',
    });
    expect(
      refusalOf(layoutOf('debian12-unified'), { ...delegated, path: '/user.slice' }, user, 'memory'),
    ).toBeNull();
  });

  it('holds a user of a systemd manager to what the manager was given', () => {
    const base: CgroupBase = { path: '/', unit: 'user', ours: false };
    const user = facts({ uid: 1000, systemd: true, delegated: new Set(['memory', 'pids']) });
    const unified = layoutOf('debian12-unified');
    expect(refusalOf(unified, base, user, 'memory')).toBeNull();
    expect(refusalOf(unified, base, user, 'cpu')?.why).toBe(
      'the user manager of uid 1000 was not given the cpu controller',
    );
    expect(refusalOf(unified, base, user, 'cpu')?.mend).toContain('Delegate=cpu cpuset io memory pids');
    expect(refusalOf(unified, base, { ...user, delegated: null }, 'cpu')).toBeNull();
    expect(refusalOf(layoutOf('ubuntu2004-hybrid'), base, user, 'memory')?.why).toBe(
      'systemd delegates no v1 controller, such as memory here, to uid 1000',
    );
  });
});
