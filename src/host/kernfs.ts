import { accessSync, closeSync, openSync, readFileSync, readSync, writeSync, constants } from 'node:fs';
import { CompartError, errnoOf, systemReason } from '../shared/errors.js';

/** What a file that vanished, or that this kernel does not have, answers. */
const ABSENT = new Set(['ENOENT', 'ENODEV', 'ENOTDIR', 'EOPNOTSUPP']);

/** For readFileSync(), lent and not made at each call: that is a fifth of what reading a small file takes Node. */
export const TEXT = { encoding: 'utf8', flag: 'r' } as const;

/**
 * Reads a file of procfs, sysfs or cgroupfs, synchronously: fs.promises costs twenty times as much there.
 * @returns its text without the last newline, or null where the file is absent or its group is gone
 * @throws ERR_COMPART_KERNEL for every other reason
 */
export function readKernelFile(path: string): string | null {
  try {
    return readFileSync(path, TEXT).trimEnd();
  } catch (error) {
    return nothingAt(path, error);
  }
}

/**
 * One look at files that are read for several reasons: each is read when it is first asked for.
 * @param readFile of a path, null where there is none
 */
export function readingOnce(readFile: (path: string) => string | null = readKernelFile): typeof readFile {
  const texts = new Map<string, string | null>();
  return (path) => {
    const known = texts.get(path);
    if (known !== undefined) return known;
    const text = readFile(path);
    texts.set(path, text);
    return text;
  };
}

/** Null for a file that is absent. @throws ERR_COMPART_KERNEL for every other reason */
function nothingAt(path: string, error: unknown): null {
  if (ABSENT.has(errnoOf(error) ?? '')) return null;
  throw new CompartError('ERR_COMPART_KERNEL', `cannot read ${path}: ${systemReason(error)}`, {
    cause: error,
  });
}

/** Kernel files are shorter, but for a memory.numa_stat of many nodes, which nobody reads here. */
const BUFFER_BYTES = 65_536;
/**
 * A seq_file hands out as many whole records as a page holds (seq_read_iter), and no record that is read here fills half of one:
 * where less comes, there is no more.
 */
const SHORT_BYTES = 2048;

/** {@link readKernelFile} for thousands of files: all go through one buffer, in half of the time. */
export class KernelReader {
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);

  /** @returns as {@link readKernelFile}; what is beyond 64 KiB is cut off. @throws ERR_COMPART_KERNEL */
  read(path: string): string | null {
    try {
      const fd = openSync(path, constants.O_RDONLY);
      try {
        return this.#text(fd);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      return nothingAt(path, error);
    }
  }

  #text(fd: number): string {
    let length = readSync(fd, this.#buffer, 0, BUFFER_BYTES, null);
    for (let count = length; count >= SHORT_BYTES && length < BUFFER_BYTES; length += count) {
      count = readSync(fd, this.#buffer, length, BUFFER_BYTES - length, null);
    }
    return this.#buffer.toString('utf8', 0, length).trimEnd();
  }
}

/**
 * Writes a value to a kernel file in one write(2); never creates the file.
 * @throws ERR_COMPART_KERNEL naming the file, the value and the reason; `cause` is the system error
 */
export function writeKernelFile(path: string, value: string): void {
  try {
    const fd = openSync(path, constants.O_WRONLY);
    try {
      writeSync(fd, value);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const message = `cannot write "${value}" to ${path}: ${systemReason(error)}`;
    throw new CompartError('ERR_COMPART_KERNEL', message, { cause: error });
  }
}

/** The errno behind an error of {@link writeKernelFile}, or of Node itself. */
export function kernelErrno(error: unknown): string | null {
  return errnoOf(error instanceof CompartError ? error.cause : error);
}

/** May the caller write to this file or directory? */
export function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
