import { writeSync } from 'node:fs';
import { CompartError, errnoOf, systemReason } from '../shared/errors.js';
import type { Host } from '../host/host.js';
import type { StackPool } from '../compartments/net/stack-pool.js';
import type { GuestPool } from '../kernel/pool.js';

/** Where a verb prints: stdout is for the answer that was asked for, everything else goes to stderr. */
export interface Terminal {
  host: Host;
  /** argv that starts compart itself. */
  self: readonly string[];
  out: (text: string | Uint8Array) => void;
  json: (value: unknown) => void;
  /** Lines on stderr, each starting `compart: `. Never fails: a closed stderr must not change how a command ended. */
  say: (text: string) => void;
  /** As it is, on stderr. */
  complain: (text: string) => void;
  /** Guests that were booted ahead; null where this process keeps none. */
  guests: GuestPool | null;
  /** Network stacks that were made ahead, and who reads of others too; null where this process does not stay. */
  stacks: StackPool | null;
  /** Ends the caller with this status, while what is left to do is done: where the caller need not wait for it. */
  leave?: (status: number) => void;
}

/** Command lines: the words after the name of the program. */
export interface Lines {
  /** Runs one. @returns its exit status, errors having been reported */
  run: (words: readonly string[], terminal: Terminal) => Promise<number>;
  /** May it start what outlives it? Yes, where that cannot be said without reading all of it. */
  leavesProcess: (words: readonly string[]) => boolean;
}

/** Thrown when nobody reads stdout any more: the end, and nothing to report. */
export class OutputClosed extends Error {}

const STREAMS = { 1: 'stdout', 2: 'stderr' } as const;

/** Writes all of it, also to a pipe that is full and non-blocking. @throws OutputClosed, ERR_COMPART_OUTPUT */
function writeAll(fd: 1 | 2, text: string | Uint8Array): void {
  for (let rest: Uint8Array = typeof text === 'string' ? Buffer.from(text) : text; rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (errnoOf(error) === 'EAGAIN') continue;
      if (errnoOf(error) === 'EPIPE') throw new OutputClosed();
      throw new CompartError('ERR_COMPART_OUTPUT', `cannot write to ${STREAMS[fd]}: ${systemReason(error)}`, {
        cause: error,
      });
    }
  }
}

/** Control characters of names, paths and commands must not reach the terminal as they are. */
function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Writes to stdout (1) or stderr (2) of the caller. @throws OutputClosed, ERR_COMPART_OUTPUT */
export type Write = (fd: 1 | 2, text: string | Uint8Array) => void;

/** @param write to this process's own where nothing else is said */
export function openTerminal(
  host: Host,
  self: readonly string[],
  write: Write = writeAll,
  { guests, stacks }: Pick<Terminal, 'guests' | 'stacks'> = { guests: null, stacks: null },
): Terminal {
  const complain: Terminal['complain'] = (text) => {
    try {
      write(2, text);
    } catch {
      // Nobody reads it.
    }
  };
  return {
    host,
    self,
    out: (text) => write(1, text),
    json: (value) => write(1, `${JSON.stringify(value, null, 2)}\n`),
    say: (text) =>
      complain(
        text
          .split('\n')
          .map((line) => `compart: ${printable(line)}\n`)
          .join(''),
      ),
    complain,
    guests,
    stacks,
  };
}

/** Prints an error as people or programs read it, and returns the exit status. */
export function reportError({ host, say, complain }: Terminal, error: unknown, asJson: boolean): number {
  if (error instanceof OutputClosed) return 0;
  const known =
    error instanceof CompartError
      ? error
      : new CompartError('ERR_COMPART_INTERNAL', error instanceof Error ? error.message : String(error), {
          cause: error,
          hint: 'please report it, with the command that led to it',
        });
  if (asJson) {
    const { code, message, hint } = known;
    complain(`${JSON.stringify({ error: { code, message, hint } })}\n`);
  } else {
    say(known.hint === null ? known.message : `${known.message}\n${known.hint}`);
  }
  if (host.caller.env['COMPART_DEBUG'] && known.cause instanceof Error) say(known.cause.stack ?? '');
  return known.exitCode;
}
