import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { detectLayout, hierarchyOf, parseSelfCgroup } from '../../../src/host/cgroup/detect.js';
import { parseMounts } from '../../../src/host/mounts.js';
import { layoutOf, type HostName } from './fixtures.js';

const ID = '4f1d2c3b4a5968778695a4b3c2d1e0f04f1d2c3b4a5968778695a4b3c2d1e0f0';

describe('detectLayout', () => {
  it.each<[HostName, string, number]>([
    ['debian12-unified', 'unified', 0],
    ['ubuntu2004-hybrid', 'hybrid', 13],
    ['separate-hybrid', 'hybrid', 9],
    ['centos7-legacy', 'legacy', 13],
    ['no-cgroups', 'none', 0],
    ['docker-v2-private', 'unified', 0],
    ['docker-v2-host', 'unified', 0],
    ['docker-v1-host', 'legacy', 9],
    ['v2-without-memory', 'unified', 0],
    ['v2-named-systemd', 'unified', 1],
  ])('finds %s to be %s with %d v1 hierarchies by name', (host, mode, count) => {
    const layout = layoutOf(host);
    expect(layout.mode).toBe(mode);
    expect(layout.v1.size).toBe(count);
  });

  it('knows the v2 mount of Debian 12, its controllers and the caller in it', () => {
    const { v2, v2Controllers } = layoutOf('debian12-unified');
    const self = '/user.slice/user-1000.slice/user@1000.service/app.slice/run-shell.scope';
    expect(v2).toEqual({ version: 2, mountPoint: '/sys/fs/cgroup', self, readOnly: false });
    expect([...v2Controllers]).toEqual(['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma', 'misc']);
  });

  it('has one hierarchy for cpu and cpuacct where they are mounted together, two where they are not', () => {
    const together = layoutOf('ubuntu2004-hybrid').v1;
    expect(together.get('cpu')?.mountPoint).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(together.get('cpuacct')?.mountPoint).toBe('/sys/fs/cgroup/cpu,cpuacct');
    const apart = layoutOf('separate-hybrid').v1;
    expect(apart.get('cpu')?.mountPoint).toBe('/sys/fs/cgroup/cpu');
    expect(apart.get('cpuacct')?.mountPoint).toBe('/sys/fs/cgroup/cpuacct');
  });

  it('asks the v2 mount of a hybrid host for controllers, which offers those that v1 left', () => {
    const layout = layoutOf('separate-hybrid');
    expect([...layout.v2Controllers]).toEqual(['hugetlb']);
    expect(layout.v2?.mountPoint).toBe('/sys/fs/cgroup/unified');
    expect(layout.v1.get('memory')?.self).toBe('/worker/0123456789abcdef');
    expect(layout.v1.get('name=systemd')?.mountPoint).toBe('/sys/fs/cgroup/systemd');
  });

  it('sees a container in a cgroup namespace of its own at the root, read-only', () => {
    const { v2 } = layoutOf('docker-v2-private');
    expect(v2).toEqual({ version: 2, mountPoint: '/sys/fs/cgroup', self: '/', readOnly: true });
  });

  it('translates the caller to below the mount where a container shares the namespace of the host', () => {
    expect(layoutOf('docker-v2-host').v2?.self).toBe('/inner');
    const memory = layoutOf('docker-v1-host').v1.get('memory');
    expect(memory).toEqual({ version: 1, mountPoint: '/sys/fs/cgroup/memory', self: '/', readOnly: true });
  });

  it('counts a v2 mount beside nothing but a named v1 hierarchy as unified', () => {
    const layout = layoutOf('v2-named-systemd');
    expect(layout.mode).toBe('unified');
    expect(hierarchyOf(layout, 'memory')?.version).toBe(2);
  });

  it('takes the first of two mounts of one hierarchy', () => {
    const line = (target: string): string => `32 31 0:29 / ${target} rw,relatime - cgroup cgroup rw,memory`;
    const layout = detectLayout(`${line('/a')}\n${line('/b')}\n`, '4:memory:/\n', () => '');
    expect(layout.v1.get('memory')?.mountPoint).toBe('/a');
  });

  it('takes no mount option for a controller', () => {
    const layout = detectLayout(
      '32 31 0:29 / /a rw - cgroup cgroup rw,xattr,memory',
      '4:memory:/x',
      () => '',
    );
    expect([...layout.v1.keys()]).toEqual(['memory']);
  });

  it('never throws, whatever the two files hold', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constant('32 31 0:29 / /a rw - cgroup cgroup rw,memory'),
      fc.constant('1 - cgroup2'),
    );
    const text = fc.array(line).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(
        text,
        text,
        text,
        (mounts, self, controllers) => void detectLayout(mounts, self, () => controllers),
      ),
    );
  });
});

describe('hierarchyOf', () => {
  it.each<[HostName, string, string | null]>([
    ['debian12-unified', 'memory', '/sys/fs/cgroup'],
    ['debian12-unified', 'blkio', null],
    ['ubuntu2004-hybrid', 'memory', '/sys/fs/cgroup/memory'],
    ['ubuntu2004-hybrid', 'io', null],
    ['separate-hybrid', 'hugetlb', '/sys/fs/cgroup/unified'],
    ['centos7-legacy', 'pids', '/sys/fs/cgroup/pids'],
    ['no-cgroups', 'memory', null],
    ['v2-without-memory', 'memory', null],
    ['v2-without-memory', 'pids', '/sys/fs/cgroup'],
  ])('on %s has %s at %j', (host, controller, mountPoint) => {
    expect(hierarchyOf(layoutOf(host), controller)?.mountPoint ?? null).toBe(mountPoint);
  });
});

describe('parseSelfCgroup', () => {
  it('reads joint controllers, named hierarchies, v2 and paths with colons', () => {
    const text = `3:cpu,cpuacct:/a\n1:name=systemd:/b\n0::/docker/${ID}:x\ngarbage\n`;
    expect([...parseSelfCgroup(text)]).toEqual([
      ['cpu', '/a'],
      ['cpuacct', '/a'],
      ['name=systemd', '/b'],
      ['', `/docker/${ID}:x`],
    ]);
  });
});

describe('parseMounts', () => {
  it('undoes the escapes of the kernel and skips what is no line of mountinfo', () => {
    const text =
      '35 27 0:32 /a\\040b /mnt/my\\040disk\\134 rw,relatime shared:30 master:2 - ext4 /dev/vdb1 rw\n\nnonsense\n1 2 3';
    expect(parseMounts(text)).toEqual([
      { root: '/a b', target: '/mnt/my disk\\', readOnly: false, fstype: 'ext4', superOptions: ['rw'] },
    ]);
  });

  it('counts a mount as read-only if the mount or its whole file system is', () => {
    const of = (options: string, superOptions: string): boolean | undefined =>
      parseMounts(`1 2 0:3 / /a ${options} - cgroup cgroup ${superOptions},memory`)[0]?.readOnly;
    expect([of('rw', 'rw'), of('ro,nosuid', 'rw'), of('rw', 'ro'), of('rw,errors=remount-ro', 'rw')]).toEqual(
      [false, true, true, false],
    );
  });
});
