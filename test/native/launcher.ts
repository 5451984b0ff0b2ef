import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const binary = fileURLToPath(new URL('../../native/build/compart-launch', import.meta.url));

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** All that came on the result descriptor. */
  result: string;
}

export interface Options {
  /** What to start instead of the launcher itself, with `3 4 -- CMD` after it. */
  program?: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Leaves the writing end of the plan open after the plan. */
  keepPlanOpen?: boolean;
  /** Called once the process runs, for what has to happen before it ends. */
  during?: (launched: Launched) => Promise<void> | void;
}

export class Launched {
  #texts = new Map<string, string>();
  readonly ended: Promise<Ending>;

  constructor(readonly child: ChildProcess) {
    this.#collect('stdout', child.stdout);
    this.#collect('stderr', child.stderr);
    this.#collect('result', this.result);
    this.#collect('extra', (child.stdio as unknown[])[5] as Readable);
    this.ended = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.text('stdout'),
      stderr: this.text('stderr'),
      result: this.text('result'),
    }));
  }

  /** The peer's end of the result descriptor (a socket pair). */
  get result(): Duplex {
    return this.child.stdio[4] as Duplex;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  text(name: 'stdout' | 'stderr' | 'result' | 'extra'): string {
    return this.#texts.get(name) ?? '';
  }

  async says(pattern: RegExp): Promise<string[]> {
    return until(() => pattern.exec(this.text('result')));
  }

  #collect(name: string, stream: Readable | null): void {
    stream?.on('error', () => undefined);
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#texts.set(name, (this.#texts.get(name) ?? '') + chunk);
    });
  }
}

/** A plan of these records, header and end added. */
export function plan(...records: string[]): Buffer {
  return Buffer.from(['compart-plan/1', ...records, 'end', ''].join('\0'));
}

export function start(bytes: Buffer, command: string[], options: Options = {}): Launched {
  const [program = binary, ...before] = options.program ?? [];
  const { env, cwd, uid, gid } = options;
  const child = spawn(program, [...before, '3', '4', '--', ...command], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    ...(env && { env }),
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  child.stdin.on('error', () => undefined).end();
  const planEnd = child.stdio[3] as Duplex;
  planEnd.on('error', () => undefined).write(bytes);
  if (options.keepPlanOpen !== true) planEnd.end();
  planEnd.resume();
  return new Launched(child);
}

/** Starts, does what is to be done meanwhile, and waits for the end. */
export async function launch(bytes: Buffer, command: string[], options: Options = {}): Promise<Ending> {
  const launched = start(bytes, command, options);
  try {
    await options.during?.(launched);
  } catch (error) {
    launched.child.kill('SIGKILL');
    throw error;
  }
  return launched.ended;
}

/** Polls for something to become true, for 5 seconds at most. */
export async function until<T>(look: () => T | null | undefined | false): Promise<T> {
  for (let tries = 0; tries < 500; tries++) {
    const found = look();
    if (found) return found;
    await sleep(10);
  }
  throw new Error('waited 5 s in vain');
}

/** A folder of its own, removed afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'compart-native-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
