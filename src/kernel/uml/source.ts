import { createHash, type Hash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CompartError, systemReason, usageError } from '../../shared/errors.js';
import type { Workshop } from './workshop.js';

/** Where Debian's packages linux-source-* put theirs. */
const SHELF = '/usr/src';
const TARBALL = /\.(tar|tar\.(xz|gz|bz2|zst)|txz|tgz)$/;

/** A Linux source that a kernel can be made of. */
export interface Source {
  /** Absolute. */
  path: string;
  kind: 'tarball' | 'tree';
  /** Changes when the source does: of size and times, as reading it all would take longer than a cached build. */
  identity: string;
}

/**
 * The source that was asked for, else the newest of Debian's packages.
 * @throws ERR_COMPART_USAGE if what was asked for is no Linux, ERR_COMPART_BUILD if there is none
 */
export function findSource(asked: string | null, shelf: string = SHELF): Source {
  if (asked === null) return tarball(newestOn(shelf));
  const path = resolve(asked);
  const stat = statOf(path);
  if (stat.isFile() && TARBALL.test(path)) return tarball(path);
  if (stat.isDirectory() && versionOf(path) !== null)
    return { path, kind: 'tree', identity: treeIdentity(path) };
  throw usageError(
    `--source: "${asked}" is neither a Linux source tree nor a tarball of one`,
    'accepted: a folder with the Makefile of Linux, a file .tar.xz, .tar.gz, .tar.bz2, .tar.zst or .tar',
  );
}

function statOf(path: string): ReturnType<typeof statSync> & object {
  try {
    return statSync(path);
  } catch (error) {
    throw usageError(`--source: cannot read "${path}": ${systemReason(error)}`);
  }
}

function newestOn(shelf: string): string {
  const names = statSync(shelf, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(shelf);
  const newest = names
    .filter((name) => name.startsWith('linux-source-') && TARBALL.test(name))
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
    .at(-1);
  if (newest !== undefined) return join(shelf, newest);
  throw new CompartError(
    'ERR_COMPART_BUILD',
    `no source of Linux: ${shelf}/linux-source-*.tar.xz is not there`,
    {
      hint: 'apt-get install linux-source, or --source TREE',
    },
  );
}

function tarball(path: string): Source {
  const { size, mtimeMs } = statSync(path);
  return { path, kind: 'tarball', identity: `${size}-${mtimeMs}` };
}

function treeIdentity(path: string): string {
  const hash = createHash('sha256');
  addTree(hash, path);
  return hash.digest('hex').slice(0, 32);
}

function addTree(hash: Hash, folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === '.git') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) addTree(hash, path);
    else {
      const { size, mtimeMs } = lstatSync(path);
      hash.update(`${path}\0${size}\0${mtimeMs}\0`);
    }
  }
}

/**
 * Puts the source, as it was published, into a new folder: nothing is ever changed where it lies.
 * @returns its version, @throws ERR_COMPART_USAGE if it is no Linux
 */
export async function placeSource({ path, kind }: Source, folder: string, shop: Workshop): Promise<string> {
  if (kind === 'tarball')
    await shop.run('tar', ['-xf', path, '-C', folder, '--strip-components=1', '--no-same-owner']);
  else await copyTree(path, folder, shop);
  const version = versionOf(folder);
  if (version !== null) return version;
  throw usageError(`--source: "${path}" holds no Linux`, 'its Makefile names no version of Linux');
}

/** A tree may have been built in, for another architecture: all that make left is taken out of the copy. */
async function copyTree(path: string, folder: string, shop: Workshop): Promise<void> {
  const entries = readdirSync(path).filter((name) => name !== '.git');
  await shop.run('cp', ['-a', '--reflink=auto', '-t', folder, ...entries.map((name) => join(path, name))]);
  await shop.run('make', ['-C', folder, 'ARCH=um', 'mrproper']);
}

/** `6.1.192`, from the first lines of the Makefile; null where that is not Linux's. */
export function versionOf(tree: string): string | null {
  let makefile: string;
  try {
    makefile = readFileSync(join(tree, 'Makefile'), 'utf8').slice(0, 1024);
  } catch {
    return null;
  }
  const part = (name: string): string =>
    new RegExp(`^${name} *= *([\\w.+-]*)$`, 'm').exec(makefile)?.[1] ?? '';
  const [major, minor] = [part('VERSION'), part('PATCHLEVEL')];
  if (!/^\d+$/.test(major) || !/^\d+$/.test(minor)) return null;
  return `${major}.${minor}.${part('SUBLEVEL') || '0'}${part('EXTRAVERSION')}`;
}
