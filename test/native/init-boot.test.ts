import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { modularKernel, moduleFiles } from '../support/kernels.js';
import { requires } from '../support/requires.js';
import { withGuest, type Guest, type Shape } from './linked-guests.js';
import { withFolder } from './launcher.js';
import { TYPE } from './frames.js';

const UML = ['uml', 'setpriv', 'taskset'];
const out = async (guest: Guest, script: string): Promise<string> => {
  const { stdout, stderr } = await guest.run(['/bin/sh', '-c', script]);
  return stdout.toString() + stderr.toString();
};

/** What a guest says on its console, and its exit status, when it cannot become what it was to be. */
async function failure(shape: Shape): Promise<[string | undefined, number | null]> {
  return withGuest(shape, async (guest) => {
    const status = await guest.exit();
    return [/^compart-init: (.*?)\r?$/m.exec(guest.console)?.[1], status];
  });
}

/** A folder that everybody may write to. */
const withOpenFolder = (use: (folder: string) => Promise<void>): Promise<void> =>
  withFolder(async (folder) => {
    chmodSync(folder, 0o777);
    await use(folder);
  });

describe('compart-init, that makes the machine', () => {
  requires(...UML)('lays a memory over a root that is then never written', () =>
    withGuest({}, async (guest) => {
      await guest.next();
      const mounts = (await out(guest, 'cut -d" " -f2,3 /proc/mounts')).trim().split('\n');
      expect(mounts).toEqual([
        ...['/ overlay', '/proc proc', '/sys sysfs', '/dev devtmpfs', '/dev/pts devpts'],
        ...['/dev/shm tmpfs', '/sys/fs/cgroup cgroup2'],
      ]);
      expect(await out(guest, 'echo x > /compart-init-test; cat /compart-init-test /dev/fd/0')).toBe('x\n');
      expect(() => readFileSync('/compart-init-test')).toThrow();
      expect(await guest.powerOff()).toBe(0);
    }),
  );

  requires(...UML)('mounts folders and files of the host, to be read or written', () =>
    withOpenFolder(async (folder) => {
      for (const name of ['ro', 'rw']) {
        mkdirSync(join(folder, name));
        chmodSync(join(folder, name), 0o777);
      }
      writeFileSync(join(folder, 'file'), 'of the host\n');
      const at = (from: string, to: string, mode: string): string[] =>
        [`mount=hostfs:${join(folder, from)}`, `at=${to}`, `mode=${mode}`];
      const config = [...at('ro', '/mnt/a b/ro', 'ro'), ...at('rw', '/rw', 'rw'), ...at('file', '/etc/new/file', 'ro')];
      await withGuest({ config }, async (guest) => {
        await guest.next();
        expect(await out(guest, 'touch "/mnt/a b/ro/x"')).toMatch(/Read-only file system/);
        expect(await out(guest, 'echo changed > /etc/new/file')).toMatch(/Read-only file system/);
        expect(await out(guest, 'ls /etc/new; cat /etc/new/file; echo kept > /rw/x')).toBe('file\nof the host\n');
        expect(await guest.powerOff()).toBe(0);
      });
      expect(readFileSync(join(folder, 'rw/x'), 'utf8')).toBe('kept\n');
    }),
  );

  requires(...UML, 'mkfs.ext4')('mounts a disk as root, through to which it writes, or not', () =>
    withOpenFolder(async (folder) => {
      const image = join(folder, 'image');
      mkdirSync(join(folder, 'tree/bin'), { recursive: true });
      copyFileSync('/usr/bin/busybox', join(folder, 'tree/bin/busybox'));
      symlinkSync('busybox', join(folder, 'tree/bin/sh'));
      writeFileSync(image, '');
      truncateSync(image, 16 << 20);
      expect(spawnSync('/sbin/mkfs.ext4', ['-q', '-d', join(folder, 'tree'), image]).status).toBe(0);
      chmodSync(image, 0o666);
      for (const [write, seen] of [
        ['overlay', ''],
        ['through', ''],
        ['overlay', 'written\n'],
      ]) {
        const config = ['root=block:/dev/ubda', `write=${write ?? ''}`];
        await withGuest({ config, kernel: [`ubd0=${image}`] }, async (guest) => {
          await guest.next();
          const { stdout } = await guest.run(['sh', '-c', '[ ! -e /x ] || busybox cat /x; echo written > /x']);
          expect([write, stdout.toString()]).toEqual([write, seen]);
          expect(await guest.powerOff()).toBe(0);
        });
      }
      expect(spawnSync('/sbin/e2fsck', ['-fn', image]).status).toBe(0);
    }),
  );

  requires(...UML)('swaps on a disk of zeros', () =>
    withOpenFolder(async (folder) => {
      const disk = join(folder, 'swap');
      writeFileSync(disk, '');
      truncateSync(disk, 64 << 20);
      chmodSync(disk, 0o666);
      await withGuest({ config: ['swap=/dev/ubdb'], kernel: [`ubd1=${disk}`] }, async (guest) => {
        await guest.next();
        guest.send(TYPE.report);
        expect((await guest.next())['swap_total']).toBe(String((64 << 20) - 4096));
        expect(await guest.powerOff()).toBe(0);
      });
    }),
  );

  requires(...UML)('names its network eth0, with addresses and routes of both families', () => {
    const ports = 'src=127.0.0.1,dst=127.0.0.1,srcport=17011,dstport=17012';
    const vec1 = `vec1:transport=l2tpv3,udp=1,${ports},rx_session=1,tx_session=2`;
    const addresses = ['address=10.7.0.2/24', 'address=fd00:7::2/64', 'gateway=10.7.0.1', 'gateway=fd00:7::1'];
    const shape = { config: ['link=vec1', ...addresses], kernel: [vec1], modules: moduleFiles('lib/crc-ccitt.ko', 'net/ipv6/ipv6.ko') };
    return withGuest(shape, async (guest) => {
      await guest.next();
      const text = await out(guest, 'ip -o addr; ip route; ip -6 route; ping -c1 127.0.0.1 > /dev/null && echo alive');
      expect(text).toMatch(/eth0 +inet 10\.7\.0\.2\/24/);
      expect(text).toMatch(/eth0 +inet6 fd00:7::2\/64 scope global/);
      expect(text).not.toMatch(/fd00:7::2.* tentative|vec0 +inet/);
      expect(text).toMatch(/^default via 10\.7\.0\.1 dev eth0/m);
      expect(text).toMatch(/^default via fd00:7::1 dev eth0/m);
      expect(text).toMatch(/lo +inet 127\.0\.0\.1\/8/);
      expect(await guest.powerOff()).toBe(0);
    });
  });

  requires(...UML, 'busybox')('leaves process 1 to the init of the root, which ends the guest its own way', () =>
    withOpenFolder(async (folder) => {
      for (const name of ['bin', 'etc', 'proc', 'sys', 'dev']) mkdirSync(join(folder, name));
      copyFileSync('/usr/bin/busybox', join(folder, 'bin/busybox'));
      for (const name of ['sh', 'init', 'poweroff', 'cat', 'tr', 'echo', 'sleep'])
        symlinkSync('busybox', join(folder, 'bin', name));
      writeFileSync(join(folder, 'etc/inittab'), '::sysinit:/bin/echo inittab\n::shutdown:/bin/echo its own end\n');
      const shape = { config: [`root=hostfs:${folder}`, 'init=/bin/init'] };
      await withGuest(shape, async (guest) => {
        await guest.next();
        expect(await out(guest, 'cat /proc/1/cmdline | tr "\\0" " "; cat /proc/$PPID/cmdline | tr "\\0" " "')).toMatch(
          // busybox drops the folder from its first word once it runs.
          /^(\/bin\/)?init *@init $/,
        );
        expect(await out(guest, 'cat /proc/$PPID/oom_score_adj /proc/self/oom_score_adj')).toBe('-1000\n0\n');
        expect(await guest.powerOff(10_000)).toBe(0);
        expect(guest.console).toMatch(/inittab\r?\n[^]*its own end/);
      });
    }),
  );
});

describe('compart-init, that cannot make the machine', () => {
  requires(...UML).each<[string, Shape]>([
    ['/config: not a configuration of this version', { raw: 'compart-guest/2\0' }],
    ['/config: cut off', { raw: 'compart-guest/1\0root=hostfs:/\0' }],
    ['/config: a record of no known key', { config: ['color=red'] }],
    ['/config: mount without an absolute at', { config: ['mount=hostfs:/x', 'mode=ro'] }],
    ['cannot open module /nowhere.ko: No such file or directory', { config: ['module=/nowhere.ko'] }],
    [`cannot load module /init: ${modularKernel().modulesDir === null ? 'Function not implemented' : 'Exec format error'}`, { config: ['module=/init'] }],
    ['cannot mount hostfs of /nowhere: No such file or directory', { config: ['root=hostfs:/nowhere'] }],
    ['cannot mount hostfs of /nowhere: No such file or directory', { config: ['mount=hostfs:/nowhere', 'at=/x', 'mode=ro'] }],
    ['cannot mount ext4 of /dev/ubdz: No such file or directory', { config: ['root=block:/dev/ubdz'] }],
    ['cannot rename network device vec7: No such device', { config: ['link=vec7'] }],
    ['cannot open swap device /dev/ubdz: No such file or directory', { config: ['swap=/dev/ubdz'] }],
    ['cannot execute /nowhere: No such file or directory', { config: ['init=/nowhere'] }],
  ])('says "%s", and powers off with status 125', async (line, shape) => {
    const [said, status] = await failure(shape);
    expect([said?.slice(0, line.length), status]).toEqual([line, 125]);
  });

  it('is nobody’s program but of a guest', () => {
    const init = new URL('../../native/build/compart-init', import.meta.url).pathname;
    expect(spawnSync(init).status).toBe(125);
  });
});
