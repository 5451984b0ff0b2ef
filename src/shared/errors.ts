/**
 * Every error code compart can end with, the exit status it gives and when it is raised.
 * docs/errors.md is generated from this table; codes are never renamed.
 */
export const ERROR_CODES = {
  ERR_COMPART_USAGE: { exitCode: 2, when: 'A flag, a name, a unit or a combination of flags is wrong.' },
  ERR_COMPART_FILE: {
    exitCode: 2,
    when: 'A compart.yaml cannot be used; the message names the line and the key.',
  },
  ERR_COMPART_NOT_FOUND: { exitCode: 125, when: 'No compartment has this name.' },
  ERR_COMPART_EXISTS: {
    exitCode: 125,
    when: 'The name, or the subsystem in this compartment, is taken; a file that is there differs.',
  },
  ERR_COMPART_UNSUPPORTED: { exitCode: 125, when: 'This host cannot enforce what was asked for.' },
  ERR_COMPART_STATE: { exitCode: 125, when: 'The state folder or a record in it cannot be read or written.' },
  ERR_COMPART_KERNEL: {
    exitCode: 125,
    when: 'The kernel refused a change: a file, the value and the reason are named.',
  },
  ERR_COMPART_BUSY: {
    exitCode: 125,
    when: 'The compartment has processes, or memory that cannot be reclaimed.',
  },
  ERR_COMPART_LAUNCH: { exitCode: 125, when: 'The command could not be placed in its compartment.' },
  ERR_COMPART_NOT_EXECUTABLE: { exitCode: 126, when: 'The command was found and cannot be executed.' },
  ERR_COMPART_COMMAND_NOT_FOUND: { exitCode: 127, when: 'The command was not found.' },
  ERR_COMPART_ATTACH: { exitCode: 125, when: 'A process cannot be attached; the message says why.' },
  ERR_COMPART_LISTEN: { exitCode: 125, when: 'The server cannot listen where it was asked to.' },
  ERR_COMPART_OUTPUT: { exitCode: 125, when: 'The answer cannot be written to stdout: a disk is full.' },
  ERR_COMPART_BUILD: {
    exitCode: 125,
    when: 'A kernel for guests cannot be built; the message says what failed.',
  },
  ERR_COMPART_FAILED: {
    exitCode: 125,
    when: 'Library: the command ended with another code than 0, or by a signal; `exitCode` is as of `compart run`.',
  },
  ERR_COMPART_LIMIT: { exitCode: 125, when: 'Library: the same, and it had met a limit, which decided.' },
  ERR_COMPART_TIMEOUT: { exitCode: 125, when: 'Library: the time of the command ran out.' },
  ERR_COMPART_CANCELED: { exitCode: 125, when: 'Library: the AbortSignal of the command was aborted.' },
  ERR_COMPART_MAX_BUFFER: { exitCode: 125, when: 'Library: the command wrote more than is collected.' },
  ERR_COMPART_INTERNAL: { exitCode: 125, when: 'A defect in compart itself; please report it.' },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails {
  /** What the user can do about it. */
  hint?: string;
  cause?: unknown;
}

/**
 * The one error type that leaves compart. `message` says what failed, on what object, with which value,
 * and the system's reason; advice goes into `hint`. Catch by `code`.
 */
export class CompartError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CompartError';
    this.code = code;
    this.hint = details.hint ?? null;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exitCode;
  }
}

/** A usage error (exit status 2). */
export function usageError(message: string, hint?: string): CompartError {
  return new CompartError('ERR_COMPART_USAGE', message, hint === undefined ? {} : { hint });
}

/** The errno name of a Node system error (`ENOENT`), or null for anything else. */
export function errnoOf(error: unknown): string | null {
  // Not instanceof: an error of another realm (node:vm) is one as well.
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EAGAIN: 'Resource temporarily unavailable',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  EINVAL: 'Invalid argument',
  EMFILE: 'Too many open files',
  ENODEV: 'No such device',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  ENOTEMPTY: 'Directory not empty',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
  ENFILE: 'Too many open files in system',
  ENXIO: 'No such device or address',
  EOPNOTSUPP: 'Operation not supported',
  EPERM: 'Operation not permitted',
  ERANGE: 'Numerical result out of range',
  EROFS: 'Read-only file system',
  ESRCH: 'No such process',
  E2BIG: 'Argument list too long',
  ENOEXEC: 'Exec format error',
  ETXTBSY: 'Text file busy',
};

/** strerror(3) for an errno name; the name itself where it is not in the short list above. */
export function reasonOf(errno: string | null): string {
  return errno === null ? 'unknown reason' : (REASONS[errno] ?? errno);
}

/** The system's reason behind a caught error, in strerror(3)'s words. */
export function systemReason(error: unknown): string {
  const errno = errnoOf(error);
  if (errno !== null) return reasonOf(errno);
  return error instanceof Error ? error.message : String(error);
}
