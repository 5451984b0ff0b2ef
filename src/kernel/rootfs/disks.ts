import { dirname, resolve } from 'node:path';
import { usageError } from '../../shared/errors.js';
import { existing } from './root.js';

/** A block device of a guest, and the file of the host behind it. */
export interface Disk {
  file: string;
  /** What is written goes here, and the file stays as it is; made where it is not there yet. */
  cow: string | null;
  readOnly: boolean;
}

const ACCEPTED = 'FILE, FILE:ro or FILE:cow=FILE';

/** `--disk FILE[:cow=FILE][:ro]`. @throws ERR_COMPART_USAGE */
export function parseDisk(text: string): Disk {
  const [, name = '', cow, mode] = /^(.+?)(?::cow=(.+?))?(:ro)?$/s.exec(text) ?? [];
  if (name === '' || (cow !== undefined && mode !== undefined))
    throw usageError(`--disk: "${text}" is no disk`, `accepted: ${ACCEPTED}`);
  const { path, stat } = existing('--disk', name);
  if (!stat.isFile() && !stat.isBlockDevice())
    throw usageError(`--disk: "${name}" is neither a file nor a block device`, `accepted: ${ACCEPTED}`);
  if (cow === undefined) return { file: path, cow: null, readOnly: mode !== undefined };
  const place = resolve(existing('--disk', dirname(cow)).path, cow.split('/').at(-1) ?? '');
  if (place === path) throw usageError(`--disk: "${cow}" is the disk itself`, 'name another file after cow=');
  return { file: path, cow: place, readOnly: false };
}

/** A disk as the guest's kernel has it: `ubd0`, which is /dev/ubda there. */
export interface Ubd extends Disk {
  /** Where the two files are in the sandbox. */
  at: string;
  cowAt: string | null;
  device: string;
}

/**
 * Numbers disks. The file behind keeps its own path, below /disk: a copy-on-write file names it so, and can be used
 * again. Pure.
 */
export function numbered(disks: readonly Disk[]): Ubd[] {
  return disks.map((disk, index) => ({
    ...disk,
    at: `/disk${disk.file}`,
    cowAt: disk.cow === null ? null : `/cow/${index}`,
    device: `/dev/ubd${String.fromCharCode(0x61 + index)}`,
  }));
}

/** The word of the kernel's command line for each (arch/um/drivers/ubd_kern.c). Pure. */
export const ubdWords = (disks: readonly Ubd[]): string[] =>
  disks.map(({ at, cowAt, readOnly }, index) =>
    cowAt === null ? `ubd${index}${readOnly ? 'r' : ''}=${at}` : `ubd${index}=${cowAt},${at}`,
  );

/** The most that a kernel has (MAX_DEV). */
export const MOST_DISKS = 16;

/** As `inspect` shows it and {@link parseDisk} reads it. */
export const formatDisk = ({ file, cow, readOnly }: Disk): string =>
  `${file}${cow === null ? '' : `:cow=${cow}`}${readOnly ? ':ro' : ''}`;
