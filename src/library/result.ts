import { StringDecoder } from 'node:string_decoder';
import type { ExitStatus } from '../host/launched.js';
import { statusNumber } from '../host/launched.js';
import type { ExitRecord, Verdict } from '../state/history.js';

/** What is given back of a stream. */
export interface Reading {
  encoding: 'utf8' | 'buffer';
  lines: boolean;
  stripFinalNewline: boolean;
}

/** How a command ended, as far as a compartment tells. */
export interface Ending {
  exit: ExitStatus;
  verdict: Verdict;
  limitHit: ExitRecord['limitHit'];
  /** Of `run` and of a guest: the exit record. Null for a command in a compartment that goes on. */
  record: ExitRecord | null;
  /** One line for people if a limit decided: which, how much, what to try. */
  line: string | null;
  timedOut: boolean;
}

/** How a command ended. `T` is what is given back of its output: a string, lines or bytes. */
export interface Result<T = string> {
  /** argv. */
  command: readonly string[];
  /** Name of its compartment. */
  name: string;
  /** Null where a signal ended it. */
  exitCode: number | null;
  signal: string | null;
  /** The shell's single number: the exit code, 128 + N for signal N, 124 for the timeout. */
  status: number;
  stdout: T;
  stderr: T;
  /** Ended with another exit code than 0, by a signal, or was stopped from here. */
  failed: boolean;
  timedOut: boolean;
  /** `cancelSignal` was aborted, or it was disposed of. */
  canceled: boolean;
  /** It wrote more than `maxBuffer`; `stdout` and `stderr` hold the beginning. */
  truncated: boolean;
  verdict: Verdict;
  /** The subsystem whose limit was met and decided, or null. Also where the command went on and ended with 0. */
  limitHit: ExitRecord['limitHit'];
  /** The exit record; null for a command in a compartment that goes on. */
  record: ExitRecord | null;
  durationMs: number;
}

/** What was read, as it was asked for. Bytes that are no UTF-8 become U+FFFD. Pure. */
export function present(bytes: Buffer, { encoding, lines, stripFinalNewline }: Reading): unknown {
  if (encoding === 'buffer') return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new StringDecoder('utf8');
  const text = decoder.write(bytes) + decoder.end();
  if (lines) {
    const all = text.split(/\r?\n/);
    return all.at(-1) === '' ? all.slice(0, -1) : all;
  }
  return stripFinalNewline ? text.replace(/\r?\n$/, '') : text;
}

const TIMEOUT_STATUS = 124;

/** 0 to 255, as the shell has it. Pure. */
export const statusOf = ({ exit, timedOut }: Pick<Ending, 'exit' | 'timedOut'>): number =>
  timedOut ? TIMEOUT_STATUS : statusNumber(exit);
