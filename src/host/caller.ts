import { resolve } from 'node:path';
import { systemReason, usageError } from '../shared/errors.js';
import { selfIdentity, type ProcessIdentity } from './proc/identity.js';

/** What is known of a process that is not this one. */
export interface CallerFacts {
  identity?: ProcessIdentity;
  /** Absolute, as getcwd(3) has it. */
  cwd?: string;
  env?: Readonly<NodeJS.ProcessEnv>;
}

/**
 * On whose behalf compart works: where relative paths begin, whose environment says where things are, and whose end
 * leaves a compartment to `gc`. This process, where nothing else is said; a process that works for many has one for each.
 */
export class Caller {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly #identity: ProcessIdentity | null;
  readonly #cwd: string | null;

  constructor({ identity, cwd, env }: CallerFacts = {}) {
    this.env = env ?? process.env;
    this.#identity = identity ?? null;
    this.#cwd = cwd ?? null;
  }

  /** @throws ERR_COMPART_USAGE where it has been removed, or may not be looked up */
  get cwd(): string {
    try {
      return this.#cwd ?? process.cwd();
    } catch (error) {
      throw usageError(
        `the working directory has no name any more: ${systemReason(error)}`,
        'change to one that exists, or name one: --workdir DIR',
      );
    }
  }

  /** The path by which this process reaches what the caller calls `path`. */
  path(path: string): string {
    // Not resolved: a `..` after a symbolic link is for the kernel to follow.
    return this.#cwd === null || path === '' || path.startsWith('/') ? path : `${this.#cwd}/${path}`;
  }

  /** An absolute path for what the caller calls `path`. */
  resolve(path: string): string {
    return resolve(this.cwd, path);
  }

  /** Its name in procfs. */
  get pid(): number | 'self' {
    return this.#identity?.pid ?? 'self';
  }

  /** @throws ERR_COMPART_UNSUPPORTED without procfs */
  identity(proc: string): ProcessIdentity {
    return this.#identity ?? selfIdentity(proc);
  }
}
