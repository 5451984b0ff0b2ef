import { closeSync, openSync, readFileSync, writeSync, constants } from 'node:fs';
import { CompartError, errnoOf, systemReason } from '../shared/errors.js';

/** What a file that vanished, or that this kernel does not have, answers. */
const ABSENT = new Set(['ENOENT', 'ENODEV', 'ENOTDIR', 'EOPNOTSUPP']);

/**
 * Reads a file of procfs, sysfs or cgroupfs, synchronously: fs.promises costs twenty times as much there.
 * @returns its text without the last newline, or null where the file is absent or its group is gone
 * @throws ERR_COMPART_KERNEL for every other reason
 */
export function readKernelFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    if (ABSENT.has(errnoOf(error) ?? '')) return null;
    throw new CompartError('ERR_COMPART_KERNEL', `cannot read ${path}: ${systemReason(error)}`, {
      cause: error,
    });
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
