import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { constants } from 'node:os';
import { reasonOf } from '../../src/shared/errors.js';
import { CHANGES } from './crash.js';

/** What a call to the kernel answers on a full disk, without a descriptor to spare, and on a broken disk. */
export const ERRNOS = ['ENOSPC', 'EMFILE', 'EIO'] as const;
export type Errno = (typeof ERRNOS)[number];

/** Calls that fail: the changes, and whatever opens a file. */
const CALLS = [
  ...CHANGES,
  'openSync',
  'appendFileSync',
  'readFileSync',
  'readdirSync',
  'readlinkSync',
] as const;

type Call = (...args: unknown[]) => unknown;

/** Which calls are to fail, counted from 1. */
export interface Fault {
  errno: Errno;
  at: number;
  /** Do all calls after it fail as well? */
  lasting: boolean;
}

/**
 * The file system, of which single calls fail. In place of node:fs for what is tested in this process, which has a life
 * of its own for every command line: a process that stands for it, and whose end leaves locks and records to nobody.
 */
export class FaultyFs {
  readonly module: typeof fs;
  /** The calls of the last command line, as `name path`; those after the one that failed included. */
  calls: string[] = [];
  #fault: Fault | null = null;
  #self: ChildProcess | null = null;
  #counts = false;

  constructor() {
    const own = fs as unknown as Record<string, Call>;
    const wrapped = CALLS.map((name): [string, Call] => {
      const original = own[name]!;
      return [name, (...args) => this.#call(name, original, args)];
    });
    const module = { ...own, ...Object.fromEntries(wrapped) };
    this.module = { ...module, default: module } as unknown as typeof fs;
  }

  /** Does `work` as a process of its own, of which calls fail. */
  async living<T>(fault: Fault | null, work: () => Promise<T>): Promise<T> {
    this.#self = spawn('sleep', ['1000'], { stdio: 'ignore' });
    this.calls = [];
    this.#fault = fault;
    this.#counts = true;
    try {
      return await work();
    } finally {
      this.#counts = false;
      this.#fault = null;
      const ended = once(this.#self, 'exit');
      this.#self.kill('SIGKILL');
      await ended;
      this.#self = null;
    }
  }

  #call(name: string, original: Call, args: unknown[]): unknown {
    if (!this.#counts) return original(...args);
    const path = String(args[0]);
    if (path === '/proc/self/stat' && this.#self !== null) args = [`/proc/${this.#self.pid}/stat`, args[1]];
    this.calls.push(`${name} ${path}`);
    const { at = Infinity, lasting = false, errno = 'EIO' } = this.#fault ?? {};
    const count = this.calls.length;
    if (count < at || (count > at && !lasting)) return original(...args);
    // A disk that becomes full leaves a part of the text.
    if (name === 'writeFileSync' && errno === 'ENOSPC') original(path, String(args[1]).slice(0, 10), args[2]);
    throw Object.assign(new Error(`${errno}: ${reasonOf(errno)}, ${name} '${path}'`), {
      code: errno,
      errno: -constants.errno[errno],
      syscall: name,
      path,
    });
  }
}
