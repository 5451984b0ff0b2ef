import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { reasonOf } from '../shared/errors.js';
import { launchError, type LaunchPlan, type LaunchReport } from './plan.js';

/** How a process ended: exactly one of the two is not null. A real-time signal has no name but its number, `SIG40`. */
export interface ExitStatus {
  exitCode: number | null;
  signal: NodeJS.Signals | `SIG${number}` | null;
}

/** The shell's single number for it: the exit code, or 128 plus the signal's number. */
export function statusNumber({ exitCode, signal }: ExitStatus): number {
  if (exitCode !== null || signal === null) return exitCode ?? 128;
  const numbers: Partial<Record<string, number>> = constants.signals;
  return 128 + (numbers[signal] ?? Number(signal.slice(3)));
}

/** An ending in the words of native/monitor.c and native/front.c, `exited:N` or `signaled:N`; null for other words. */
export function parseEnding(text: string): ExitStatus | null {
  const match = /^(exited|signaled):(\d+)$/.exec(text);
  if (!match) return null;
  const number = Number(match[2]);
  if (match[1] === 'exited') return { exitCode: number, signal: null };
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return { exitCode: null, signal: (name as NodeJS.Signals | undefined) ?? `SIG${number}` };
}

/** How long a command that was asked to end has until it is killed. */
export const GRACE_MS = 5000;

/** A command's time, counted from its start. */
export interface Deadline {
  ms: number;
  /** From the first call to the second; {@link GRACE_MS} if left out, and always under a front. */
  graceMs?: number;
  /** Called when it is up, and once more (`late`) if the command is still there. */
  expire: (late: boolean) => void;
}

/** The caller's ends of a command's pipes; null for what is none. */
export interface Streams {
  stdin: Writable | null;
  stdout: Readable | null;
  stderr: Readable | null;
}

/** Those of a command that a front has started: its descriptors are the front's own. */
export const NO_STREAMS: Streams = { stdin: null, stdout: null, stderr: null };

export interface LaunchRequest {
  plan: LaunchPlan;
  argv: readonly string[];
  /** stdin, stdout and stderr of the command: `inherit`, `pipe`, `ignore` or descriptors. */
  stdio: ReadonlyArray<'inherit' | 'ignore' | 'pipe' | number>;
  /** A directory for the plan while it is handed over; nothing stays in it. */
  scratch: string;
  /** Kept here; that of a detached command is in the plan, for its monitor. */
  deadline: Deadline | null;
}

/** A process on its way into its compartment. */
export interface Launched {
  pid: number;
  streams: Streams;
  /** Waits for the end. */
  exited: () => Promise<ExitStatus>;
  /**
   * What the launcher said. Over a socket (hold, monitor) it is complete when it says `until` or fails; else
   * there is only the failure, after the exit.
   */
  report: (until?: 'ready' | 'exec') => Promise<LaunchReport>;
  /** A held process goes on. */
  go: () => void;
  /** The monitor takes over. */
  release: () => void;
  signal: (signal: NodeJS.Signals) => void;
}

/** What starts commands in the place of this process: their parent, which waits for them. */
export interface Starter {
  /** The program itself. */
  readonly path: string;
  /** When it began, as `performance.timeOrigin` counts: Unix milliseconds, and parts of them. */
  readonly beganMs: number;
  /** Does this process stay when it goes? Then what outlives it is not to be started from here, as if by it. */
  readonly resident: boolean;
  /** Has it start the command, with its own descriptors, environment and process group. */
  launch: (request: LaunchRequest) => Launched | Promise<Launched>;
}

/** Throws the error that a failure report stands for; returns for a report without one. */
export function throwFailure(report: LaunchReport, exitCode: number): void {
  if (report.failure === null) return;
  const { errno } = report.failure;
  throw launchError(report.failure, exitCode, reasonOf(errno > 0 ? getSystemErrorName(-errno) : null));
}
