import { describe, expect, it } from '@jest/globals';
import { pseudoMounts } from '../../../src/kernel/rootfs/pseudo.js';
import { viewSteps, type View } from '../../../src/kernel/rootfs/view.js';

const VIEW: View = {
  root: { kind: 'host', path: '/', isDevice: false, write: 'memory' },
  mounts: [],
  disks: [],
  hide: [],
  workdir: '/home/me/src',
  own: [],
  kernel: '/usr/bin/linux',
  libraries: ['/lib64/ld.so'],
  preload: null,
  init: '/opt/init',
  modules: ['/lib/modules/overlay.ko'],
};
const view = (changed: Partial<View>) => viewSteps({ ...VIEW, ...changed }).slice(4);
const COVERS = ['/r/proc', '/r/sys', '/r/dev', '/r/run', '/r/tmp'].map((cover) => ({ cover }));

describe('what the kernel of a guest sees', () => {
  it('begins with the kernel, its libraries, init and modules, all of them read-only', () => {
    expect(viewSteps(VIEW).slice(0, 4)).toEqual([
      { from: '/usr/bin/linux', ro: '/kernel' },
      { from: '/lib64/ld.so', ro: '/lib64/ld.so' },
      { from: '/opt/init', ro: '/init' },
      { from: '/lib/modules/overlay.ko', ro: '/mod/0.ko' },
    ]);
  });

  it('shows a library that its kernel wants besides at a place of its own', () => {
    expect(viewSteps({ ...VIEW, preload: '/opt/lib with blank.so' })[2]).toEqual({
      from: '/opt/lib with blank.so',
      ro: '/preload.so',
    });
  });

  it("is the host's root, read-only, without what is the host's alone", () => {
    expect(view({})).toEqual([{ from: '/', ro: '/r' }, ...COVERS]);
  });

  it('shows a working directory below /tmp, and nothing else of /tmp', () => {
    expect(view({ workdir: '/tmp/job/7' })).toEqual([
      { from: '/', ro: '/r' },
      ...COVERS,
      { from: '/tmp/job/7', ro: '/r/tmp/job/7' },
    ]);
    // Whoever stands in /tmp itself wants to see it; nobody stands in /dev.
    expect(view({ workdir: '/tmp' })).toEqual([{ from: '/', ro: '/r' }, ...COVERS.slice(0, -1)]);
    expect(view({ workdir: '/dev' })).toEqual([{ from: '/', ro: '/r' }, ...COVERS]);
  });

  it('hides folders of compart, wherever they are, and what --hide names, also below the working directory', () => {
    const steps = view({
      own: ['/run/compart', '/var/tmp/compart-0'],
      hide: ['/root/.ssh'],
      workdir: '/var/tmp/compart-0',
    });
    expect(steps).toEqual([
      { from: '/', ro: '/r' },
      ...COVERS,
      { cover: '/r/var/tmp/compart-0' },
      { cover: '/r/root/.ssh' },
    ]);
  });

  it('is writable only where that was asked for', () => {
    const disk = {
      ...{ file: '/a', cow: null, readOnly: false, isDevice: false },
      ...{ at: '/disk/a', cowAt: null, device: '/dev/ubda' },
    };
    const steps = view({
      root: { kind: 'folder', path: '/srv/root', isDevice: false, write: 'memory' },
      mounts: [
        { source: '/m', target: '/x', readOnly: true },
        { source: '/n', target: '/y', readOnly: false },
      ],
      disks: [disk, { ...disk, cow: '/own', cowAt: '/cow/1' }, { ...disk, isDevice: true }],
    });
    expect(steps).toEqual([
      { from: '/srv/root', ro: '/r' },
      { from: '/m', ro: '/m/0' },
      { from: '/n', rw: '/m/1' },
      { from: '/a', rw: '/disk/a' },
      { from: '/a', ro: '/disk/a' },
      { from: '/own', rw: '/cow/1' },
      { from: '/a', dev: '/disk/a' },
    ]);
  });

  it('is not the kernel of the host either where a chroot has a /proc of its own', () => {
    const mountinfo = [
      '20 1 0:20 / /proc rw - proc proc rw',
      '21 1 0:20 / /srv/jail/proc rw - proc proc rw',
      '22 1 8:1 / /home rw - ext4 /dev/vda rw',
      '23 1 0:5 / /srv/my\\040jail/dev rw - devtmpfs udev rw',
    ].join('\n');
    expect(pseudoMounts(mountinfo)).toEqual(['/proc', '/srv/jail/proc', '/srv/my jail/dev']);
  });

  it('has no root where that is an image', () => {
    expect(view({ root: { kind: 'image', path: '/i', isDevice: false, write: 'memory' } })).toEqual([]);
  });
});
