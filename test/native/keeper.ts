import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modularKernel, modularPreload, moduleFiles } from '../support/kernels.js';
import { until } from '../support/programs.js';

const native = (name: string): string =>
  fileURLToPath(new URL(`../../native/build/${name}`, import.meta.url));
export const GUEST = native('compart-guest');
const UML = modularKernel().path;
const PRELOAD = modularPreload();
const MEMORY = 128;

/** What came of a program. */
export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** A program under way; its output is read from the first moment unless it is `idle`. */
export class Running {
  #stdout: Buffer[] = [];
  stderr = '';
  readonly ended: Promise<Ran>;

  constructor(
    readonly child: ChildProcess,
    idle = false,
  ) {
    if (!idle) child.stdout?.on('data', (bytes: Buffer) => this.#stdout.push(bytes));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    child.stdin?.on('error', () => undefined);
    this.ended = once(child, idle ? 'exit' : 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: Buffer.concat(this.#stdout),
      stderr: this.stderr,
    }));
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString();
  }
}

/** The records of one of the keeper's files. */
export function records(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

const same = (path: string): string[] => [`from=${path}`, `ro=${path}`];
/** The libraries of the kernel, which is a program like another. */
const libraries = (): string[] =>
  [...spawnSync('ldd', [UML], { encoding: 'utf8' }).stdout.matchAll(/(\/\S+) \(0x/g)].flatMap((found) =>
    same(found[1] ?? ''),
  );

/** A compartment's folder with a boot file in it: a guest over the host's root, of 128 MiB. */
export class Folder {
  readonly dir = mkdtempSync(join(tmpdir(), 'compart-guest-'));
  readonly #running: Running[] = [];

  constructor({ records: more = [] as string[], words = [] as string[], kernel = UML, boot = 10_000 } = {}) {
    const config = [
      ...['compart-guest/1', 'hostname=guest', 'root=hostfs:/host', 'write=overlay', 'shell=/bin/sh'],
      ...moduleFiles('fs/overlayfs/overlay.ko').map((file) => `module=/host${file}`),
      ...['end', ''],
    ];
    const kernelWords = [
      ...[`mem=${MEMORY}M`, 'quiet', 'initcall_blacklist=raid6_select_algo', 'lpj=25000000'],
      ...['rootfstype=hostfs', 'rootflags=/', 'ro', 'init=/init', ...words],
    ];
    const lines = [
      ...['compart-boot/1', `folder=${this.path('state')}`, `memory=${MEMORY * 2 ** 20}`],
      ...[`boot_ms=${boot}`, 'stop_ms=5000', 'report_ms=300', `kernel=${kernel}`],
      ...kernelWords.map((word) => `karg=${word}`),
      ...[`config=${this.path('config')}`, ...same(UML), ...libraries()],
      ...(PRELOAD === null ? [] : ['preload=/preload.so', `from=${PRELOAD}`, 'ro=/preload.so']),
      ...[`from=${native('compart-init')}`, 'ro=/init', 'from=/', 'ro=/host'],
      ...['/proc', '/sys', '/dev', '/run', '/tmp'].map((path) => `cover=/host${path}`),
      ...['/m', '/new'].flatMap((path) => [`from=${this.path('empty')}`, `ro=${path}`]),
      ...[...more, 'end', ''],
    ];
    mkdirSync(this.path('state'));
    mkdirSync(this.path('empty'));
    writeFileSync(this.path('config'), config.join('\0'));
    writeFileSync(this.path('boot'), lines.join('\0'));
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  get state(): string {
    return this.path('state');
  }

  /** A file that the keeper writes, as records. */
  file(name: string): Record<string, string> {
    const path = join(this.state, name);
    return existsSync(path) ? records(readFileSync(path, 'utf8')) : {};
  }

  start(argv: readonly string[], { idle = false, env = process.env } = {}): Running {
    const running = new Running(spawn(GUEST, argv, { stdio: 'pipe', env }), idle);
    this.#running.push(running);
    return running;
  }

  /** Boots; with words, for that command. */
  boot(command: readonly string[] = [], flags: readonly string[] = []): Running {
    const words = command.length === 0 ? [] : ['--', ...command];
    return this.start(['boot', ...flags, this.path('boot'), ...words]);
  }

  /** Boots without a command, and waits until the guest is there. */
  async up(): Promise<Running> {
    const keeper = this.boot();
    await until('a guest that is up', () => {
      if (keeper.child.exitCode !== null) throw new Error(keeper.stderr);
      return this.file('guest.report')['hello_us'];
    });
    return keeper;
  }

  exec(command: readonly string[], flags: readonly string[] = [], options = {}): Running {
    return this.start(['exec', ...flags, this.state, '--', ...command], options);
  }

  /** A command in the guest to its end, with an input. */
  async run(command: readonly string[], input: Buffer | string = '', flags: readonly string[] = []): Promise<Ran> {
    const running = this.exec(command, flags);
    running.child.stdin?.end(input);
    return running.ended;
  }

  async control(...words: string[]): Promise<{ code: number | null; answer: Record<string, string> }> {
    const { code, stdout } = await this.start(['control', this.state, ...words]).ended;
    return { code, answer: records(stdout.toString()) };
  }

  async clear(): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ ended }) => ended));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Runs a test with a guest that is up, or with one that is not booted yet; nothing of it is left. */
export async function withFolder(use: (folder: Folder) => Promise<void>, made = new Folder()): Promise<void> {
  try {
    await use(made);
  } finally {
    await made.clear();
  }
}
