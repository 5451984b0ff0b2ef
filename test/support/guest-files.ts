import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { pathOf } from './requires.js';

/** A root that busybox alone is: 2 MB, all its commands, /etc/passwd with root and one user. */
export function busyboxRoot(dir: string, uid: number): string {
  for (const folder of ['', '/bin', '/etc', '/root', '/tmp']) mkdirSync(`${dir}${folder}`);
  copyFileSync(pathOf('busybox') ?? 'busybox', `${dir}/bin/busybox`);
  chmodSync(`${dir}/bin/busybox`, 0o755);
  for (const command of [
    'sh',
    'cat',
    'ls',
    'stat',
    'mount',
    'umount',
    'chown',
    'chmod',
    'ln',
    'mkdir',
    'rm',
    'id',
  ])
    symlinkSync('busybox', `${dir}/bin/${command}`);
  for (const command of [
    'touch',
    'sync',
    'dd',
    'sha256sum',
    'true',
    'uname',
    'grep',
    'sleep',
    'hostname',
    'mknod',
  ])
    symlinkSync('busybox', `${dir}/bin/${command}`);
  writeFileSync(`${dir}/etc/passwd`, 'root:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/tmp:/bin/sh\n');
  writeFileSync(`${dir}/etc/mark`, 'of the root\n');
  own(dir, uid);
  return dir;
}

/** Gives all that is in a folder to a user. */
export function own(path: string, uid: number): void {
  lchownSync(path, uid, uid);
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) own(`${path}/${name}`, uid);
}

/** An ext4 image of a folder, or an empty one. */
export function ext4(file: string, uid: number, mib: number, from?: string): string {
  writeFileSync(file, '');
  truncateSync(file, mib * 2 ** 20);
  const content = from === undefined ? [] : ['-d', from];
  execFileSync('/sbin/mke2fs', ['-q', '-F', '-t', 'ext4', ...content, file]);
  lchownSync(file, uid, uid);
  return file;
}

export function squashfs(file: string, uid: number, from: string): string {
  execFileSync('mksquashfs', [from, file, '-quiet', '-no-progress', '-comp', 'gzip'], { stdio: 'ignore' });
  lchownSync(file, uid, uid);
  return file;
}

/** sha256 of a file. */
export const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** One number for all names, modes, owners and contents below a folder. */
export function digest(dir: string): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    const { mode, uid, gid } = lstatSync(path);
    hash.update(`${path.slice(dir.length)}\0${mode}\0${uid}\0${gid}\0`);
    if (lstatSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(`${path}/${name}`);
    else if (lstatSync(path).isSymbolicLink()) hash.update(readlinkSync(path));
    else hash.update(readFileSync(path));
  };
  add(dir);
  return hash.digest('hex');
}

/** A name that a command line, a list of options or a table of mounts would split. */
export const ODD = 'a b\t,=:"\'\\ \nü雪';
