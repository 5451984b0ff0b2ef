import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Caller } from '../../host/caller.js';
import { usageError } from '../../shared/errors.js';
import { requireOpen } from './access.js';
import { existing } from './root.js';

/** A block device of a guest, and the file of the host behind it. */
export interface Disk {
  file: string;
  /** What is written goes here, and the file stays as it is; made where it is not there yet. */
  cow: string | null;
  readOnly: boolean;
  /** A block device of the host. */
  isDevice: boolean;
}

const ACCEPTED = 'FILE, FILE:ro or FILE:cow=FILE';

/** `--disk FILE[:cow=FILE][:ro]`. @throws ERR_COMPART_USAGE */
export function parseDisk(text: string, caller = new Caller()): Disk {
  const [, name = '', cow, mode] = /^(.+?)(?::cow=(.+?))?(:ro)?$/s.exec(text) ?? [];
  if (name === '' || (cow !== undefined && mode !== undefined))
    throw usageError(`--disk: "${text}" is no disk`, `accepted: ${ACCEPTED}`);
  const { path, stat } = existing('--disk', name, caller);
  const isDevice = stat.isBlockDevice();
  if (!stat.isFile() && !isDevice)
    throw usageError(`--disk: "${name}" is neither a file nor a block device`, `accepted: ${ACCEPTED}`);
  const readOnly = mode !== undefined;
  requireOpen('--disk', path, cow === undefined && !readOnly);
  if (cow === undefined) return { file: path, cow: null, readOnly, isDevice };
  if (isDevice)
    throw usageError(`--disk: "${name}" is a block device, which cow= cannot stand on`, 'copy it to a file');
  return { file: path, cow: cowOf(cow, path, caller), readOnly: false, isDevice };
}

function cowOf(cow: string, file: string, caller: Caller): string {
  const folder = existing('--disk', dirname(cow), caller).path;
  const place = resolve(folder, cow.split('/').at(-1) ?? '');
  if (!existsSync(place)) return place;
  const { path, stat } = existing('--disk', place, caller);
  if (path === file) throw usageError(`--disk: "${cow}" is the disk itself`, 'name another file after cow=');
  if (!stat.isFile()) throw usageError(`--disk: "${cow}" is no file`, 'name another one after cow=');
  requireOpen('--disk', path, true);
  return path;
}

/** A disk, and where its files are in the sandbox. */
export interface PlacedDisk extends Disk {
  at: string;
  cowAt: string | null;
}

/**
 * The name of a file in the sandbox, which follows from its path on the host: a copy-on-write file names what it stands
 * on so, and can be used again. The path itself has no place on a command line that is split at blanks and commas. Pure.
 */
export const nameInSandbox = (file: string): string =>
  `/disk/${createHash('sha256').update(file).digest('hex').slice(0, 16)}`;

/** Gives the files of disks places in the sandbox. Pure. */
export function placed(disks: readonly Disk[]): PlacedDisk[] {
  return disks.map((disk, index) => ({
    ...disk,
    at: nameInSandbox(disk.file),
    cowAt: disk.cow === null ? null : `/cow/${index}`,
  }));
}

/** The most that a kernel has (MAX_DEV). */
export const MOST_DISKS = 16;

/** As `inspect` shows it and {@link parseDisk} reads it. */
export const formatDisk = ({ file, cow, readOnly }: Disk): string =>
  `${file}${cow === null ? '' : `:cow=${cow}`}${readOnly ? ':ro' : ''}`;
