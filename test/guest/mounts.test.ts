import { lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { asBoth, asRootOnly } from '../support/guest-callers.js';
import { ODD, own } from '../support/guest-files.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const done = (stdout: string): unknown => ({ status: 0, stdout, stderr: '' });

describe('--mount', () => {
  asBoth(
    sandbox,
    'of a folder is written through in both directions, at a place that the root lacks, whatever its name on the host',
    async ({ dir, uid, boot }) => {
      const folder = `${dir}/${ODD}`;
      mkdirSync(folder);
      writeFileSync(`${folder}/before`, 'before\n');
      own(folder, uid);
      const script = `cd /srv/new/place && cat before && echo after > after && mkdir -m 700 d && ln -s before l &&
        mv before d/moved && ln d/moved hard && rm hard && truncate -s 3 d/moved && chmod 600 after && sync`;
      expect(await boot(['--mount', `${folder}:/srv/new/place`], script)).toEqual(done('before\n'));
      expect(readFileSync(`${folder}/after`, 'utf8')).toBe('after\n');
      expect(readFileSync(`${folder}/d/moved`, 'utf8')).toBe('bef');
      expect(readlinkSync(`${folder}/l`)).toBe('before');
      const made = ['after', 'd', 'l'].map((name) => lstatSync(`${folder}/${name}`));
      expect(made.map(({ uid: owner }) => owner)).toEqual([uid, uid, uid]);
      expect(made.slice(0, 2).map(({ mode }) => mode & 0o7777)).toEqual([0o600, 0o700]);
    },
  );

  asBoth(
    sandbox,
    'of a single file is written in place, and :ro of a file and of a folder are refused every change',
    async ({ dir, uid, boot }) => {
      for (const name of ['file', 'fixed']) writeFileSync(`${dir}/${name}`, `${name}\n`);
      mkdirSync(`${dir}/folder`);
      writeFileSync(`${dir}/folder/kept`, 'kept\n');
      own(dir, uid);
      const inode = statSync(`${dir}/file`).ino;
      const mounts = [`${dir}/file:/etc/made.conf`, `${dir}/fixed:/etc/passwd:ro`, `${dir}/folder:/mnt/f:ro`];
      const script = `cat /etc/made.conf /etc/passwd /mnt/f/kept; echo more >> /etc/made.conf
        try() { "$@" 2> /dev/null && echo "did $*"; }
        try sh -c 'echo x > /etc/passwd'; try touch /mnt/f/new; try rm /mnt/f/kept; try chmod 777 /mnt/f/kept
        try mount -o remount,rw,bind /mnt/f; try mount -o remount,rw /mnt/f
        try touch /mnt/f/new; try rm -f /mnt/f/kept; try chown 1:1 /mnt/f/kept; try truncate -s 0 /mnt/f/kept
        try sh -c 'echo x > /etc/passwd'; true`;
      const { status, stdout } = await boot(
        mounts.flatMap((mount) => ['--mount', mount]),
        script,
      );
      expect(status).toBe(0);
      // The guest's own kernel lets its root change a flag of its own; the host's does not let it write.
      expect(stdout.replaceAll(/^did mount .*\n/gm, '')).toBe('file\nfixed\nkept\n');
      expect(readFileSync(`${dir}/file`, 'utf8')).toBe('file\nmore\n');
      expect(statSync(`${dir}/file`).ino).toBe(inode);
      expect(readFileSync(`${dir}/fixed`, 'utf8')).toBe('fixed\n');
      expect(readFileSync(`${dir}/folder/kept`, 'utf8')).toBe('kept\n');
      expect(statSync(`${dir}/folder/kept`).mode & 0o777).toBe(0o644);
    },
  );

  asRootOnly(
    sandbox,
    'keeps owners that root gives files inside, and makes no file with a set-id bit and no device on the host',
    async ({ dir, boot }) => {
      mkdirSync(`${dir}/m`);
      const script = `cd /m && touch a b && chown 1234:4321 a && chmod 4755 b; cp /bin/true c; chmod u+s c; chmod g+s .
        install -m 6755 /bin/true d; mknod null c 1 3; mknod disk b 8 0; mkfifo pipe; ls; true`;
      const { status, stdout } = await boot(['--mount', `${dir}/m:/m`], script);
      expect(status).toBe(0);
      expect(stdout.split('\n')).toEqual(expect.arrayContaining(['a', 'b', 'c']));
      const a = statSync(`${dir}/m/a`);
      expect([a.uid, a.gid]).toEqual([0, 0]);
      for (const name of stdout.trim().split('\n')) {
        const { mode } = lstatSync(`${dir}/m/${name}`);
        expect({ name, setId: mode & 0o6000 }).toEqual({ name, setId: 0 });
        expect(lstatSync(`${dir}/m/${name}`).isCharacterDevice()).toBe(false);
        expect(lstatSync(`${dir}/m/${name}`).isBlockDevice()).toBe(false);
      }
      expect(statSync(`${dir}/m`).mode & 0o6000).toBe(0);
    },
  );
});
