import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { asBoth, asRootOnly } from '../support/guest-callers.js';
import { busyboxRoot, digest, ext4, ODD, own, sha256, squashfs } from '../support/guest-files.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const done = (stdout: string): unknown => ({ status: 0, stdout, stderr: '' });

describe('a folder as the root of a guest', () => {
  asBoth(
    sandbox,
    'is copy-on-write: what is written is there inside, and the folder stays as it was to the last bit',
    async ({ dir, uid, boot }) => {
      const root = busyboxRoot(`${dir}/${ODD}`, uid);
      const before = digest(root);
      const script =
        'cat /etc/mark && rm /etc/mark && echo new > /etc/mark && mkdir /made && chmod 700 /bin && ' +
        'chown 1000:1000 /root && mknod /null c 1 3 && echo gone > /null && cat /etc/mark && ls -d /made && uname -s';
      expect(await boot(['--root', root], script)).toEqual(done('of the root\nnew\n/made\nLinux\n'));
      expect(digest(root)).toBe(before);
    },
    ['busybox'],
  );

  asBoth(
    sandbox,
    'is written through with :rw: contents and modes, as files of the caller',
    async ({ dir, uid, boot }) => {
      const root = busyboxRoot(`${dir}/root`, uid);
      const script =
        'echo new > /etc/mark && mkdir -m 750 /made && echo 7 > /made/file && chmod 640 /made/file && rm /etc/passwd';
      expect(await boot(['--root', `${root}:rw`], script)).toEqual(done(''));
      expect(readFileSync(`${root}/etc/mark`, 'utf8')).toBe('new\n');
      expect(readFileSync(`${root}/made/file`, 'utf8')).toBe('7\n');
      const made = [`${root}/made`, `${root}/made/file`].map((path) => statSync(path));
      expect(made.map(({ mode, uid: owner }) => [mode & 0o7777, owner])).toEqual([
        [0o750, uid],
        [0o640, uid],
      ]);
      expect(() => statSync(`${root}/etc/passwd`)).toThrow('ENOENT');
    },
    ['busybox'],
  );
});

describe('--user of a guest with a root of its own', () => {
  asRootOnly(
    sandbox,
    'is one of that root: the host need not know it, and one that the root does not know ends with 125',
    async ({ dir, uid, boot }) => {
      const root = busyboxRoot(`${dir}/root`, uid);
      expect(await boot(['--root', root, '--user', 'guest'], 'id -u; echo $HOME')).toEqual(
        done('1000\n/tmp\n'),
      );
      const { status, stderr } = await boot(['--root', root, '--user', 'daemon'], 'true');
      expect(status).toBe(125);
      expect(stderr).toMatch(/^compart: .*daemon/);
    },
    ['busybox'],
  );
});

describe('an image as the root of a guest', () => {
  asBoth(
    sandbox,
    'of ext4 and of squashfs is copy-on-write in memory: files are written inside, and its sha256 stays',
    async ({ dir, uid, boot }) => {
      const root = busyboxRoot(`${dir}/root`, uid);
      const images = [ext4(`${dir}/${ODD}.ext4`, uid, 16, root), squashfs(`${dir}/${ODD}.sqsh`, uid, root)];
      for (const image of images) {
        const before = sha256(image);
        const script =
          'cat /etc/mark; rm /etc/mark; for i in 1 2 3; do echo $i > /etc/$i; done; cat /etc/[123]; sync';
        expect(await boot(['--root', image], script)).toEqual(done('of the root\n1\n2\n3\n'));
        expect(sha256(image)).toBe(before);
      }
    },
    ['busybox', 'mksquashfs'],
  );

  asBoth(
    sandbox,
    'of ext4 is written through with :rw, is clean afterwards (e2fsck), and the next guest finds what was written',
    async ({ dir, uid, boot }) => {
      const image = ext4(`${dir}/image`, uid, 16, busyboxRoot(`${dir}/root`, uid));
      expect(await boot(['--root', `${image}:rw`], 'echo first > /etc/mark')).toEqual(done(''));
      execFileSync('/sbin/e2fsck', ['-fn', image], { stdio: 'ignore' });
      expect(await boot(['--root', image], 'cat /etc/mark')).toEqual(done('first\n'));
    },
    ['busybox'],
  );

  asRootOnly(
    sandbox,
    'that is written by one guest cannot be written by another: the second ends with 125 and a line that says so',
    async ({ dir, boot, detach, compart }) => {
      const image = ext4(`${dir}/image`, 0, 16, busyboxRoot(`${dir}/root`, 0));
      await detach('first', ['--root', `${image}:rw`]);
      const { status, stderr } = await boot(['--root', `${image}:rw`], 'true');
      expect(status).toBe(125);
      expect(stderr).toContain('the file behind /dev/ubda is in use: another guest has it');
      await compart(['rm', '--force', 'first']);
      execFileSync('/sbin/e2fsck', ['-fn', image], { stdio: 'ignore' });
    },
    ['busybox'],
  );

  asRootOnly(
    sandbox,
    'that holds no file system, one that cannot be written, and one that it may not read end with the reason',
    async ({ dir, boot }) => {
      writeFileSync(`${dir}/garbage`, Buffer.alloc(2 ** 20, 'x'));
      const garbage = await boot(['--root', `${dir}/garbage`], 'true');
      expect(garbage.status).toBe(125);
      expect(garbage.stderr).toContain(
        'no file system on /dev/ubda that this kernel knows (ext4, squashfs, erofs)',
      );
      const packed = squashfs(`${dir}/packed`, 0, busyboxRoot(`${dir}/root`, 0));
      const written = await boot(['--root', `${packed}:rw`], 'true');
      expect(written.status).toBe(125);
      expect(written.stderr).toMatch(/squashfs of \/dev\/ubda cannot be written/);
      own(packed, 64_123);
      execFileSync('chmod', ['600', packed]);
      const closed = await boot(['--root', packed], 'true');
      expect(closed.status).toBe(2);
      expect(closed.stderr).toContain('cannot be read by the kernel of a guest');
    },
    ['busybox', 'mksquashfs'],
  );
});

describe("a copy of the host's root", () => {
  asBoth(
    sandbox,
    'runs where the caller is, also below /tmp and in a folder with a name of blanks, colons, newlines and letters',
    async ({ dir, uid, boot }) => {
      const cwd = `${dir}/${ODD}`;
      mkdirSync(cwd);
      writeFileSync(`${cwd}/here`, 'seen\n');
      own(cwd, uid);
      expect(dir).toMatch(/^\/tmp\//);
      expect(await boot([], 'pwd; cat here; echo changed > here; cat here', { cwd })).toEqual(
        done(`${cwd}\nseen\nchanged\n`),
      );
      expect(readFileSync(`${cwd}/here`, 'utf8')).toBe('seen\n');
      // A folder that --workdir names is shown as the one that the caller stands in.
      expect(await boot(['--workdir', cwd], 'pwd; cat here', { cwd: '/' })).toEqual(done(`${cwd}\nseen\n`));
    },
  );

  asRootOnly(sandbox, 'shows /root and /home as the caller sees them', async ({ boot }) => {
    expect(await boot([], 'pwd', { cwd: '/root' })).toEqual(done('/root\n'));
    expect(await boot([], 'pwd', { cwd: '/home' })).toEqual(done('/home\n'));
  });

  asBoth(
    sandbox,
    'hides folders and files that --hide names, also below the working directory and behind a link',
    async ({ dir, uid, boot }) => {
      mkdirSync(`${dir}/work/secret/deep`, { recursive: true });
      writeFileSync(`${dir}/work/secret/deep/key`, 'KEY');
      writeFileSync(`${dir}/work/token`, 'TOKEN');
      execFileSync('ln', ['-s', 'secret', `${dir}/work/link`]);
      own(`${dir}/work`, uid);
      const hide = [`${dir}/work/link/deep`, `${dir}/work/token`, '/etc/passwd'].flatMap((path) => [
        '--hide',
        path,
      ]);
      const script = 'ls -A secret/deep; cat token; wc -c < /etc/passwd; cat secret/deep/key; true';
      const { status, stdout, stderr } = await boot(hide, script, { cwd: `${dir}/work` });
      expect({ status, stdout }).toEqual({ status: 0, stdout: '0\n' });
      expect(stderr).toMatch(/^cat: .*key.*: No such file or directory\n$/);
    },
  );
});
