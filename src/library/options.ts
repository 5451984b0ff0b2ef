import type { Readable } from 'node:stream';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usageError } from '../shared/errors.js';
import { parseDuration } from '../shared/units/duration.js';
import type { Stdio } from '../compartments/launch.js';
import type { LimitOptions } from './limits.js';

/** How a command is started, read and ended: the options of execa, where they mean the same. */
export interface CommandOptions {
  /** Working directory; that of this process if left out. */
  cwd?: string | URL;
  /** Added to the environment of this process, or all of it with `extendEnv: false`. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Does the command see the environment of this process? True if left out. */
  extendEnv?: boolean;
  /** `USER[:GROUP]`, names or numbers; only root can run a command as somebody else. */
  user?: string;
  /** What it reads from stdin: it is written, or piped, and ended. */
  input?: string | Uint8Array | Readable;
  /** `'ignore'` if left out, `'pipe'` with `input`; a number is a descriptor of this process. */
  stdin?: Stdio;
  /** `'pipe'` if left out. */
  stdout?: Stdio;
  /** `'pipe'` if left out. */
  stderr?: Stdio;
  /** Milliseconds, or `'2s'`: then SIGTERM, and SIGKILL {@link forceKillAfterDelay} later. */
  timeout?: number | string;
  /** Reject where the command did not end well? True if left out. What compart itself cannot do always rejects. */
  reject?: boolean;
  /** `'buffer'` gives bytes (Uint8Array) in place of text. */
  encoding?: 'utf8' | 'buffer';
  /** Gives arrays of lines. */
  lines?: boolean;
  /** Takes the last newline of the output away. True if left out. */
  stripFinalNewline?: boolean;
  /** Collect the output for the result? True if left out; `false` for output that is taken as it comes. */
  buffer?: boolean;
  /** Bytes of each stream that are collected; who writes more is killed. 100,000,000 if left out. */
  maxBuffer?: number;
  /** Kills the command when it is aborted. */
  cancelSignal?: AbortSignal;
  /** What `kill()`, an abort and `maxBuffer` send first; SIGTERM if left out. */
  killSignal?: NodeJS.Signals;
  /** Milliseconds from SIGTERM to SIGKILL; 5000 if left out. */
  forceKillAfterDelay?: number;
}

/** A command in a compartment of its own. */
export interface RunOptions extends CommandOptions, LimitOptions {
  /** 1 to 63 of `a-z 0-9 . _ -`; made up if left out. */
  name?: string;
  labels?: Readonly<Record<string, string>>;
  /** Go without limits that this host cannot enforce, instead of refusing; `record` and `inspect` name them. */
  bestEffort?: boolean;
}

/** What the options give back of the output. */
export type OutputOf<O extends CommandOptions> = O extends { encoding: 'buffer' }
  ? Uint8Array
  : O extends { lines: true }
    ? string[]
    : string;

/** The same, read and with all defaults. */
export interface CommandSpec {
  argv: readonly string[];
  /** Absolute; null for the directory of this process. */
  cwd: string | null;
  env: Record<string, string>;
  /** Names that are not in its environment, though in that of this process. */
  unset: readonly string[];
  clearEnv: boolean;
  user: string | null;
  input: CommandOptions['input'] | null;
  stdio: readonly [Stdio, Stdio, Stdio];
  timeoutMs: number | null;
  reject: boolean;
  encoding: 'utf8' | 'buffer';
  lines: boolean;
  stripFinalNewline: boolean;
  buffer: boolean;
  maxBuffer: number;
  cancelSignal: AbortSignal | null;
  killSignal: NodeJS.Signals;
  graceMs: number;
}

const MAX_BUFFER = 100_000_000;
const GRACE_MS = 5000;

/** argv of `run(file, args, …)`. @throws ERR_COMPART_USAGE */
export function argvOf(file: string, args: readonly string[]): string[] {
  const argv = [file, ...args];
  const wrong = argv.find((word) => typeof word !== 'string' || word.includes('\0'));
  if (wrong !== undefined)
    throw usageError(
      `${JSON.stringify(wrong)} is no word of a command`,
      'strings without a NUL character, each argument one of its own',
    );
  if (file === '') throw usageError('"" is no command', "as in run('node', ['job.js'], { mem: '64M' })");
  return argv;
}

function millis(name: string, value: number | string): number {
  if (typeof value === 'string') return parseDuration(value);
  if (Number.isFinite(value) && value >= 1 && value < 2 ** 31) return Math.round(value);
  throw usageError(`${name}: ${value} is no time`, "milliseconds, from 1 to 2^31 - 1, or a text as '2s'");
}

function count(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw usageError(`${name}: ${value} is no number`, 'a whole number of at least 0');
}

function pathOf(cwd: string | URL | undefined): string | null {
  if (cwd === undefined) return null;
  if (cwd === '') throw usageError('cwd: "" is not a directory', 'leave it out to stay in this one');
  return resolve(typeof cwd === 'string' ? cwd : fileURLToPath(cwd));
}

/** Reads the options. @throws ERR_COMPART_USAGE naming the one that is wrong */
export function readCommand(argv: readonly string[], options: CommandOptions): CommandSpec {
  const given = Object.entries(options.env ?? {});
  const set = given.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { input, stdin, stdout = 'pipe', stderr = 'pipe', encoding = 'utf8' } = options;
  if (input !== undefined && stdin !== undefined && stdin !== 'pipe')
    throw usageError(`stdin: ${stdin} and an input`, 'one of them');
  return {
    argv,
    cwd: pathOf(options.cwd),
    env: Object.fromEntries(set),
    unset: given.filter(([, value]) => value === undefined).map(([name]) => name),
    clearEnv: options.extendEnv === false,
    user: options.user ?? null,
    input: input ?? null,
    stdio: [stdin ?? (input === undefined ? 'ignore' : 'pipe'), stdout, stderr],
    timeoutMs: options.timeout === undefined ? null : millis('timeout', options.timeout),
    reject: options.reject ?? true,
    encoding,
    lines: options.lines ?? false,
    stripFinalNewline: options.stripFinalNewline ?? true,
    buffer: options.buffer ?? true,
    maxBuffer: count('maxBuffer', options.maxBuffer ?? MAX_BUFFER),
    cancelSignal: options.cancelSignal ?? null,
    killSignal: options.killSignal ?? 'SIGTERM',
    graceMs: count('forceKillAfterDelay', options.forceKillAfterDelay ?? GRACE_MS),
  };
}
