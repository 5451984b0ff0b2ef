import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** The node of the device under a directory, or null: a tmpfs or an overlay has none. */
export function diskUnder(dir: string): string | null {
  try {
    const source =
      execFileSync('df', ['--output=source', dir], { encoding: 'utf8' }).trim().split('\n').at(-1) ?? '';
    return source.startsWith('/dev/') && existsSync(source) ? source : null;
  } catch {
    return null;
  }
}

/** A directory on a disk: the usual place for temporary files, or the working directory. */
export function onDisk(): { dir: string; device: string } | null {
  for (const dir of [tmpdir(), '/var/tmp', process.cwd()]) {
    const device = diskUnder(dir);
    if (device !== null) return { dir, device };
  }
  return null;
}

/** A new directory for files that must lie on a disk. */
export const makeDiskDir = (dir: string): string => mkdtempSync(`${dir}/compart-disk-`);

/** A file of this many MiB of zeros that is on the disk and not in the page cache: whoever reads it is charged for it. */
export function makeUncachedFile(file: string, mib: number): void {
  execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', `count=${mib}`, 'conv=fsync', 'status=none']);
  execFileSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
}
