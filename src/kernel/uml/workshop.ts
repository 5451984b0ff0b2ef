import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { CompartError, systemReason } from '../../shared/errors.js';
import { followTool } from '../../host/follow.js';
import { formatIdentity, isAlive, parseIdentity, selfIdentity } from '../../host/proc/identity.js';
import { makeDirs } from '../../state/json.js';

const PREFIX = 'build-';
/** The tree of Linux 6.1 takes 1.5 GB and its objects 0.3. */
const ROOM_BYTES = 2.2e9;

/** Nothing of the caller's environment steers what is built: neither MAKEFLAGS nor ARCH nor KCONFIG_CONFIG. */
const ENVIRONMENT = { LC_ALL: 'C', KBUILD_BUILD_USER: 'compart', KBUILD_BUILD_HOST: 'compart' };

/**
 * A folder in the cache in which one build works, and the tools that work in it. Nothing in it is ever listed or built
 * upon: what a build that was killed has left is removed by the next.
 */
export class Workshop {
  readonly folder: string;
  readonly #log: string;
  readonly #cache: string;
  readonly #abort: AbortSignal;

  private constructor(cache: string, folder: string, abort: AbortSignal) {
    this.folder = folder;
    this.#log = join(folder, 'make.log');
    this.#cache = cache;
    this.#abort = abort;
  }

  /** @throws ERR_COMPART_BUILD where the cache cannot be written or is too small */
  static open(cache: string, proc: string, abort: AbortSignal): Workshop {
    try {
      makeDirs(cache, 0o700);
      sweep(cache, proc);
      const { bavail, bsize } = statfsSync(cache);
      if (bavail * bsize < ROOM_BYTES) throw tooSmall(cache, bavail * bsize);
      const self = formatIdentity(selfIdentity(proc));
      const folder = mkdtempSync(join(cache, `${PREFIX}${self}-`));
      return new Workshop(cache, folder, abort);
    } catch (error) {
      if (error instanceof CompartError) throw error;
      throw new CompartError('ERR_COMPART_BUILD', `cannot build in ${cache}: ${systemReason(error)}`, {
        cause: error,
        hint: 'XDG_CACHE_HOME names another place for it',
      });
    }
  }

  /** A new folder for part of the work. */
  place(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path);
    return path;
  }

  /**
   * Runs a tool to its end.
   * @throws ERR_COMPART_BUILD with the first line that says what went wrong, where it fails
   */
  async run(
    file: string,
    argv: readonly string[],
    onLine: (line: string) => void = () => undefined,
  ): Promise<void> {
    const lines: string[] = [];
    const note = (line: string): void => {
      lines.push(line);
      onLine(line);
    };
    const { exitCode } = await this.follow(file, argv, note);
    if (exitCode === 0) return;
    appendFileSync(this.#log, `${[file, ...argv].join(' ')}\n${lines.join('\n')}\n`);
    const fault = lines.find((line) => /\berror\b|\*\*\*|cannot|No space/i.test(line)) ?? lines.at(-1) ?? '';
    const kept = join(this.#cache, 'failed-build.log');
    renameSync(this.#log, kept);
    throw new CompartError('ERR_COMPART_BUILD', `${file} failed: ${fault.trim()}`, {
      hint: `all it said is in ${kept}`,
    });
  }

  /** Runs a tool to its end, whatever that is. */
  follow(
    file: string,
    argv: readonly string[],
    onLine: (line: string) => void,
  ): ReturnType<typeof followTool> {
    const env = { ...ENVIRONMENT, PATH: process.env['PATH'] ?? '/usr/bin:/bin', TMPDIR: this.folder };
    return followTool(file, argv, { cwd: this.folder, env, abort: this.#abort, onLine });
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function tooSmall(cache: string, freeBytes: number): CompartError {
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
  return new CompartError(
    'ERR_COMPART_BUILD',
    `${cache} has ${gigabytes(freeBytes)} GB free, a build takes ${gigabytes(ROOM_BYTES)}`,
    { hint: 'XDG_CACHE_HOME names another place for it' },
  );
}

/** Removes what builds that are dead have left. */
function sweep(cache: string, proc: string): void {
  for (const name of readdirSync(cache)) {
    const [, owner] = new RegExp(`^${PREFIX}(\\d+_\\d+)-`).exec(name) ?? [];
    const identity = owner === undefined ? null : parseIdentity(owner);
    if (identity !== null && !isAlive(proc, identity))
      rmSync(join(cache, name), { recursive: true, force: true });
  }
}
