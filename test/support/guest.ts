import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, type ResultPromise } from 'execa';
import { pathOf } from './requires.js';

const SOURCES = fileURLToPath(new URL('../guest/', import.meta.url));
const NOBODY = 65534;
/** A guest's kernel is never root: hostfs would make real device nodes of the host. */
const AS_NOBODY = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--no-new-privs'];
const WARNINGS = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-Wpedantic', '-Wconversion'];

export interface BootOptions {
  /** Descriptors from 3 on. */
  stdio?: ReadonlyArray<'pipe'>;
  /** Milliseconds. */
  timeout?: number;
  /** Words of a program that starts the kernel. */
  under?: readonly string[];
}

/** A folder that is the root of a guest, and a writable one for its kernel. */
export class GuestRoot {
  readonly dir = mkdtempSync(join(tmpdir(), 'compart-guest-'));
  readonly root = join(this.dir, 'root');
  readonly run = join(this.dir, 'run');

  constructor() {
    chmodSync(this.dir, 0o755);
    for (const dir of [this.root, this.run]) {
      mkdirSync(dir);
      if (process.getuid?.() === 0) chownSync(dir, NOBODY, NOBODY);
    }
    // Mount points, as nothing may be made in a root that belongs to somebody else.
    for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'mnt', 'cg1', 'cg2'])
      mkdirSync(join(this.root, name));
  }

  /** Compiles a program of test/guest into the root, static. */
  compile(name: string, ...sources: string[]): void {
    const files = sources.map((source) => join(SOURCES, source));
    execFileSync('gcc', [...WARNINGS, '-O2', '-static', '-s', '-o', join(this.root, name), ...files]);
  }

  /** Copies a file of test/guest. */
  copy(name: string, to: string): void {
    copyFileSync(join(SOURCES, name), join(this.root, to));
    chmodSync(join(this.root, to), 0o755);
  }

  /** Copies a program of the host into /bin of the guest, with the libraries that it is linked to. */
  install(program: string): void {
    const path = pathOf(program) ?? `/usr/sbin/${program}`;
    copyFileSync(realpathSync(path), join(this.root, 'bin', basename(path)));
    const libraries = execFileSync('sh', ['-c', 'ldd "$1" || true', 'sh', path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    for (const [file] of libraries.matchAll(/\/\S+(?= \()/g)) {
      mkdirSync(join(this.root, dirname(file)), { recursive: true });
      copyFileSync(realpathSync(file), join(this.root, file));
    }
  }

  /**
   * Boots a kernel on it; what its init prints is on stdout. After `timeout` (ms) all its processes are killed: it has
   * more than one.
   */
  boot(
    kernel: string,
    words: readonly string[],
    { stdio = [], timeout = 50_000, under = [] }: BootOptions = {},
  ): ResultPromise {
    const memory = ['mem=96M', 'rootfstype=hostfs', `rootflags=${this.root}`, 'rw'];
    const console = ['con0=null,fd:1', 'quiet', `uml_dir=${this.run}`, 'umid=test'];
    // On one CPU its processes take turns four times as fast.
    const pinned = ['taskset', '-c', String(process.pid % availableParallelism())];
    const argv = [...pinned, ...under, kernel, ...memory, ...console, ...words];
    const [file = '', ...rest] = process.getuid?.() === 0 ? ['setpriv', ...AS_NOBODY, ...argv] : argv;
    const guest = execa(file, rest, {
      reject: false,
      stdio: ['ignore', 'pipe', 'pipe', ...stdio],
      detached: true,
      env: { TMPDIR: this.run, HOME: this.run },
    }) as unknown as ResultPromise;
    const timer = setTimeout(() => process.kill(-(guest.pid ?? 0), 'SIGKILL'), timeout);
    void guest.finally(() => clearTimeout(timer));
    return guest;
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
