import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modularKernel, modularPreload, moduleFiles } from '../support/kernels.js';
import { withFolder } from './launcher.js';
import { Session, type Ended } from './guest-session.js';
import { encode, records, Splitter, TYPE, type Frame } from './frames.js';

const native = (name: string): string => fileURLToPath(new URL(`../../native/${name}`, import.meta.url));
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'];

/** What a guest is made of: records of its configuration besides, words of its kernel, lost packets. */
export interface Shape {
  config?: readonly string[];
  /** Instead of all of the configuration. */
  raw?: string;
  modules?: readonly string[];
  memory?: string;
  kernel?: readonly string[];
  /** Every so many packets, one is lost. */
  lose?: number;
  /** Makes what is needed besides in the folder of the root that the kernel begins with. */
  prepare?: (folder: string) => void;
}

/** A guest, driven over its link alone. */
export class Guest {
  readonly sessions = new Map<number, Session>();
  /** Frames of the guest as a whole that nobody has asked for yet. */
  readonly frames: Frame[] = [];
  private readonly splitter = new Splitter();
  private waiting: (() => void) | null = null;
  private last = 0;
  private readonly closed: Promise<unknown>;
  console = '';

  constructor(readonly child: ChildProcess) {
    this.closed = once(child, 'close');
    child.stdin?.on('error', () => undefined);
    child.stderr?.on('data', (text: Buffer) => (this.console += text.toString()));
    child.stdout?.on('data', (bytes: Buffer) => {
      for (const frame of this.splitter.take(bytes)) this.take(frame);
    });
  }

  private take(frame: Frame): void {
    if (frame.session !== 0) this.sessions.get(frame.session)?.take(frame);
    else {
      this.frames.push(frame);
      this.waiting?.();
    }
  }

  /** The next frame of the guest as a whole, as records. */
  async next(): Promise<Record<string, string>> {
    if (this.frames.length === 0) {
      const arrived = new Promise<void>((resolve) => (this.waiting = resolve));
      await Promise.race([arrived, this.closed]);
    }
    const frame = this.frames.shift();
    if (frame === undefined) throw new Error(`the guest is gone: ${this.console}`);
    return records(frame.payload);
  }

  send(type: number, payload: Buffer | string = '', session = 0, channel = 0): void {
    this.child.stdin?.write(encode({ type, channel, session, payload: Buffer.from(payload) }));
  }

  /** Starts a command; records besides those of its words: user=, workdir=, tty=, env=. */
  start(argv: readonly string[], ...besides: readonly string[]): Session {
    const session = new Session(this, ++this.last);
    this.sessions.set(this.last, session);
    const lines = [...argv.map((word) => `arg=${word}`), ...besides];
    this.send(TYPE.start, lines.map((line) => `${line}\0`).join(''), this.last);
    return session;
  }

  /** Runs a command to its end, with an input. */
  async run(argv: readonly string[], besides: readonly string[] = [], input: Buffer | string = ''): Promise<Ended> {
    const session = this.start(argv, ...besides);
    const written = session.write(Buffer.from(input)).then(() => session.end());
    const ended = await session.ended;
    if (ended.failed === undefined) await written;
    return ended;
  }

  /** The status that the kernel exits with. */
  async exit(): Promise<number | null> {
    await this.closed;
    return this.child.exitCode;
  }

  async powerOff(patience = 5000): Promise<number | null> {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(patience);
    this.send(TYPE.poweroff, payload);
    return this.exit();
  }
}

function kernelWords(folder: string, shape: Shape): string[] {
  return [
    `mem=${shape.memory ?? '128M'}`,
    ...['con=null', 'con0=null,fd:1', 'quiet', `uml_dir=${join(folder, 'uml')}`],
    // Debian's kernel measures for a second what no guest uses.
    ...['initcall_blacklist=raid6_select_algo', 'lpj=25000000'],
    ...['rootfstype=hostfs', `rootflags=${folder}`, 'ro', 'init=/init', ...(shape.kernel ?? [])],
  ];
}

function makeRoot(folder: string, shape: Shape): void {
  const modules = [...moduleFiles('fs/overlayfs/overlay.ko'), ...(shape.modules ?? [])];
  for (const name of ['proc', 'sys', 'dev', 'new', 'm', 'uml']) mkdirSync(join(folder, name));
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'uml'), 0o777);
  copyFileSync(native('build/compart-init'), join(folder, 'init'));
  modules.forEach((file, at) => copyFileSync(file, join(folder, `${at}.ko`)));
  shape.prepare?.(folder);
  const root = (shape.config ?? []).some((line) => line.startsWith('root=')) ? [] : ['root=hostfs:/'];
  const lines = [
    ...['compart-guest/1', 'hostname=guest', ...modules.map((_, at) => `module=/${at}.ko`)],
    ...[...root, ...(shape.config ?? []), 'end'],
  ];
  writeFileSync(join(folder, 'config'), shape.raw ?? lines.map((line) => `${line}\0`).join(''));
}

/** Boots a guest, the kernel as nobody; it is ended and its files are gone afterwards. */
export async function withGuest<T>(shape: Shape, use: (guest: Guest) => Promise<T>): Promise<T> {
  const made = spawnSync('make', ['-s', '-C', native(''), 'test'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  return withFolder(async (folder) => {
    makeRoot(folder, shape);
    const lose = shape.lose === undefined ? [] : ['-l', String(shape.lose)];
    const preload = modularPreload();
    if (preload !== null) copyFileSync(preload, join(folder, 'preload.so'));
    const env = preload === null ? [] : ['env', `LD_PRELOAD=${join(folder, 'preload.so')}`];
    const words = ['taskset', '-c', onlineCpu(), ...env, modularKernel().path, ...kernelWords(folder, shape)];
    const before = process.getuid?.() === 0 ? NOBODY : [];
    const child = spawn(native('build/link-peer'), [...lose, ...before, ...words]);
    const guest = new Guest(child);
    try {
      return await use(guest);
    } finally {
      child.stdin.end();
      await guest.exit();
    }
  });
}

/** A guest stands on one CPU: system calls cost it a quarter there. */
function onlineCpu(): string {
  const online = readFileSync('/sys/devices/system/cpu/online', 'utf8').trim();
  return /\d+$/.exec(online)?.[0] ?? '0';
}
