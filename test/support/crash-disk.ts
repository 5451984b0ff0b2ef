import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';

const PAGE = 4096;

/** A file system of its own in memory, at a new directory; of 64 KiB if nothing else is said. */
export class SmallDisk {
  readonly dir: string;

  constructor(dir: string, sizeKib = 64) {
    mkdirSync(dir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k,mode=700`, 'tmpfs', dir]);
    this.dir = dir;
  }

  /** Fills it with one file, up to so many free pages of 4 KiB. */
  fill(freePages = 0): void {
    const fd = openSync(`${this.dir}/filler`, 'w');
    let size = 0;
    try {
      for (;;) size += writeSync(fd, Buffer.alloc(PAGE));
    } catch {
      ftruncateSync(fd, Math.max(0, size - freePages * PAGE));
    } finally {
      closeSync(fd);
    }
  }

  /** Makes room again. */
  clear(): void {
    closeSync(openSync(`${this.dir}/filler`, 'w'));
  }

  remount(mode: 'ro' | 'rw'): void {
    execFileSync('mount', ['-o', `remount,${mode}`, this.dir]);
  }

  unmount(): void {
    execFileSync('umount', [this.dir]);
  }
}
