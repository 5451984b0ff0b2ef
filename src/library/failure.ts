import { CompartError, type ErrorCode } from '../shared/errors.js';
import { formatDuration } from '../shared/units/duration.js';
import type { Result } from './result.js';

/**
 * A command that did not end well, with how it ended. `code` says why: ERR_COMPART_FAILED (an exit code, a signal),
 * ERR_COMPART_TIMEOUT, ERR_COMPART_CANCELED (`cause` is the reason of the AbortSignal), ERR_COMPART_MAX_BUFFER, and of a
 * {@link LimitError} ERR_COMPART_LIMIT.
 */
export class RunError<T = string> extends CompartError {
  readonly result: Result<T>;

  constructor(code: ErrorCode, message: string, result: Result<T>, details: { cause?: unknown } = {}) {
    super(code, message, details);
    this.name = 'RunError';
    this.result = result;
  }

  /** The shell's single number for how the command ended, as `compart run` would end with. */
  override get exitCode(): number {
    return this.result.status;
  }
}

/** A command that did not end well because it met a limit; the message says which, how much, and what to try. */
export class LimitError<T = string> extends RunError<T> {
  /** The subsystem whose limit it was. */
  readonly limit: NonNullable<Result['limitHit']>;

  constructor(message: string, result: Result<T>, limit: NonNullable<Result['limitHit']>) {
    super('ERR_COMPART_LIMIT', message, result);
    this.name = 'LimitError';
    this.limit = limit;
  }
}

/** What was asked of a command, for the words of an error. */
export interface Asked {
  timeoutMs: number | null;
  maxBuffer: number;
  /** Why it was stopped from here. */
  reason: unknown;
}

const SHOWN = 120;

function commandLine(command: readonly string[]): string {
  const text = command.join(' ').replace(/\s+/g, ' ');
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** The error that a result stands for, or null for one that is good. @param line the words of the verdict */
export function failureOf<T>(result: Result<T>, line: string | null, asked: Asked): RunError<T> | null {
  const { name, command, exitCode, signal, limitHit } = result;
  if (!result.failed) return null;
  const what = `${name}: "${commandLine(command)}"`;
  if (result.canceled)
    return new RunError('ERR_COMPART_CANCELED', `${what} was canceled`, result, { cause: asked.reason });
  if (result.truncated)
    return new RunError(
      'ERR_COMPART_MAX_BUFFER',
      `${what} wrote more than ${asked.maxBuffer} bytes (maxBuffer)`,
      result,
    );
  if (result.timedOut) {
    const after = asked.timeoutMs === null ? '' : ` after ${formatDuration(asked.timeoutMs)}`;
    return new RunError('ERR_COMPART_TIMEOUT', line ?? `${what} timed out${after}`, result);
  }
  const how = signal === null ? `with status ${String(exitCode)}` : `by ${signal}`;
  if (limitHit !== null)
    return new LimitError(line ?? `${what} ended ${how} at a limit of ${limitHit}`, result, limitHit);
  return new RunError('ERR_COMPART_FAILED', `${what} ended ${how}`, result);
}
