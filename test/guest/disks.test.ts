import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { asBoth, asRootOnly } from '../support/guest-callers.js';
import { ext4, ODD, own, sha256 } from '../support/guest-files.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const done = (stdout: string): unknown => ({ status: 0, stdout, stderr: '' });
const MOUNT = 'mkdir -p /d && mount -t ext4 /dev/ubda /d';

describe('--disk', () => {
  asBoth(
    sandbox,
    'is a block device of its size, written through, whatever the name of the file; :ro is refused writing',
    async ({ dir, uid, boot }) => {
      mkdirSync(`${dir}/${ODD}`);
      own(dir, uid);
      const file = ext4(`${dir}/${ODD}/${ODD}`, uid, 8);
      const fixed = `${dir}/fixed`;
      writeFileSync(fixed, Buffer.alloc(3 * 2 ** 20, 'f'));
      own(fixed, uid);
      const script = `${MOUNT} && echo kept > /d/file && umount /d && cat /sys/block/ubd[ab]/size /sys/block/ubdb/ro
        head -c 3 /dev/ubdb; echo; echo x 2> /dev/null > /dev/ubdb || echo refused`;
      const disks = ['--disk', file, '--disk', `${fixed}:ro`];
      const { status, stdout } = await boot(disks, script);
      expect({ status, stdout }).toEqual({ status: 0, stdout: '16384\n6144\n1\nfff\nrefused\n' });
      execFileSync('/sbin/e2fsck', ['-fn', file], { stdio: 'ignore' });
      expect(execFileSync('/sbin/debugfs', ['-R', 'cat /file', file], { stdio: 'pipe' }).toString()).toBe(
        'kept\n',
      );
      expect(readFileSync(fixed).every((byte) => byte === 0x66)).toBe(true);
    },
  );

  asBoth(
    sandbox,
    'of one ext4 file serves two guests at once with cow=: each keeps what it wrote for its next boot, the file is unchanged',
    async ({ dir, uid, boot, detach, sh, compart }) => {
      const file = ext4(`${dir}/base ${ODD}`, uid, 16);
      const before = sha256(file);
      const disk = (name: string): string[] => ['--disk', `${file}:cow=${dir}/${name} ${ODD}`];
      await Promise.all(['one', 'two'].map((name) => detach(name, disk(name))));
      await Promise.all(
        ['one', 'two'].map((name) =>
          sh(
            name,
            `${MOUNT} && echo ${name} > /d/mark && dd if=/dev/zero of=/d/more bs=64k count=20 2>/dev/null && sync`,
          ),
        ),
      );
      expect(await Promise.all(['one', 'two'].map((name) => sh(name, 'cat /d/mark')))).toEqual([
        'one',
        'two',
      ]);
      for (const name of ['one', 'two']) expect((await compart(['rm', '--force', name])).stderr).toBe('');
      expect(sha256(file)).toBe(before);
      for (const name of ['one', 'two']) {
        expect(statSync(`${dir}/${name} ${ODD}`).mode & 0o777).toBe(0o600);
        expect(await boot(disk(name), `${MOUNT} && cat /d/mark`)).toEqual(done(`${name}\n`));
      }
      // As another disk than the first, it is still the same file.
      writeFileSync(`${dir}/first`, Buffer.alloc(2 ** 20));
      own(`${dir}/first`, uid);
      const second = ['--disk', `${dir}/first`, ...disk('two')];
      expect(await boot(second, `${MOUNT.replace('ubda', 'ubdb')} && cat /d/mark`)).toEqual(done('two\n'));
      expect(sha256(file)).toBe(before);
    },
  );

  asRootOnly(
    sandbox,
    'that a guest could not write, and a cow= that stands on something else, are refused with status 2 before anything is made',
    async ({ dir, boot, compart }) => {
      const file = `${dir}/disk`;
      writeFileSync(file, Buffer.alloc(2 ** 20));
      own(file, 64_123);
      execFileSync('chmod', ['644', file]);
      const others = await boot(['--disk', file], 'true');
      expect(others.status).toBe(2);
      expect(others.stderr).toContain('cannot be written by the kernel of a guest');
      expect(await boot(['--disk', `${file}:ro`], 'wc -c < /dev/ubda')).toEqual(done('1048576\n'));
      const cow = ['--disk', `${file}:cow=${dir}/own`];
      expect(await boot(cow, 'echo x > /dev/ubda')).toEqual(done(''));
      expect(await boot(cow, 'head -c 1 /dev/ubda')).toEqual(done('x'));
      utimesSync(file, 1, 1);
      const stale = await boot(cow, 'true');
      expect(stale.status).toBe(2);
      expect(stale.stderr).toContain('does not stand on');
      expect((await compart(['ps', '--json'])).stdout).toBe('[]\n');
    },
  );

  asRootOnly(
    sandbox,
    'and --swap go together: 64 MiB of swap behind a disk, its file gone afterwards',
    async ({ dir, boot }) => {
      const file = ext4(`${dir}/disk`, 0, 8);
      const script = `${MOUNT} && grep -c ubdb /proc/swaps && grep SwapTotal /proc/meminfo`;
      const { stdout } = await boot(['--disk', file, '--swap', '64M'], script);
      expect(stdout).toMatch(/^1\nSwapTotal: +6553\d kB\n$/);
    },
  );
});
