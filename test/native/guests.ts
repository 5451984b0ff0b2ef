import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modularKernel } from '../support/kernels.js';
import { AS_USER } from '../support/ordinary-user.js';
import { until } from '../support/programs.js';

const NATIVE = fileURLToPath(new URL('../../native', import.meta.url));
const UML = modularKernel().path;
const PRELOAD = 'compart-xstate.so';
/** Where that is in the sandbox. */
export const PRELOAD_AT = '/lib/preload.so';
/** The file at its own path in the sandbox. */
const same = (path: string): string[] => [`from=${path}`, `ro=${path}`];
const KERNEL_WORDS = [
  'mem=64M',
  'quiet',
  'initcall_blacklist=raid6_select_algo',
  'lpj=25000000',
  'rootfstype=hostfs',
  'rootflags=/',
  'ro',
  'init=/init',
];

/** Whoever starts the guest: words before the command. */
export const WHO = { root: [], 'an ordinary user': AS_USER } as const;
export type Who = keyof typeof WHO;

export function buildHarness(): void {
  const { status, stderr } = spawnSync('make', ['-s', '-C', NATIVE, 'harness'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** The libraries of the kernel, which is a program like another. */
function libraries(): string[] {
  const { stdout } = spawnSync('ldd', [UML], { encoding: 'utf8' });
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].flatMap((found) => same(found[1] ?? ''));
}

export class Guest {
  stdout = '';
  stderr = '';
  readonly ended: Promise<number>;

  constructor(readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = once(child, 'close').then(([code]) => code as number);
  }

  /** Process 1 of the sandbox, once it runs. */
  async first(): Promise<number> {
    return until('a kernel started', () => Number(/^pid=(\d+)$/m.exec(this.stderr)?.[1] ?? 0) || null);
  }

  /** The kernel itself. */
  async kernel(): Promise<number> {
    const first = await this.first();
    return until('a kernel in the sandbox', () => childrenOf(first)[0]);
  }

  /** Asks mconsole. @returns the errno and the answer */
  async ask(request: string): Promise<string> {
    const before = this.stderr.length;
    this.child.stdin?.write(`${request}\n`);
    const [, answer = ''] = await until(`an answer to ${request}`, () => /^mconsole ([^]*)\n$/m.exec(this.stderr.slice(before)));
    return answer;
  }

  /** What each try came to: its errno, by its words. */
  get tries(): Record<string, number> {
    const lines = this.stdout.matchAll(/^(.+): (\d+)$/gm);
    return Object.fromEntries([...lines].map(([, words = '', errno]) => [words, Number(errno)]));
  }

  /** What a try printed, a line. */
  said(words: string): string {
    const lines = this.stdout.split(/\r?\n/);
    return lines[lines.indexOf(`${words}: 0`) - 1]?.trim() ?? '';
  }
}

export function childrenOf(pid: number): number[] {
  try {
    const list = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
    return list.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

export interface Boot {
  /** Lines of /config: what uml_probe.c tries. */
  tries?: string[];
  /** More of the boot file. */
  records?: string[];
  /** The probe in place of the kernel: system calls from inside of the sandbox, no guest. */
  bare?: boolean;
  who?: Who;
  /** More words before the harness. */
  before?: string[];
}

/** A folder that everybody may enter, with the programs of the tests in it; all guests in it end with it. */
export class Den {
  readonly dir = mkdtempSync(join(tmpdir(), 'compart-uml-'));
  readonly #guests: Guest[] = [];

  constructor() {
    chmodSync(this.dir, 0o755);
    for (const program of ['uml-harness', 'uml-probe', PRELOAD])
      copyFileSync(join(NATIVE, 'build', program), join(this.dir, program));
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  start({ tries = [], records = [], bare = false, who = 'root', before = [] }: Boot): Guest {
    const [boot, config] = ['boot', 'config'].map((name) => this.path(`${name}-${this.#guests.length}`));
    writeFileSync(config ?? '', tries.join('\n'));
    const preload = [`preload=${PRELOAD_AT}`, `from=${this.path(PRELOAD)}`, `ro=${PRELOAD_AT}`];
    const kernel = bare ? ['kernel=/probe'] : [`kernel=${UML}`, ...same(UML), ...libraries(), ...preload];
    const lines = [
      'compart-boot/1',
      ...[`folder=${this.dir}`, 'memory=67108864', 'boot_ms=5000', 'stop_ms=5000', 'report_ms=0'],
      ...KERNEL_WORDS.map((word) => `karg=${word}`),
      ...[`config=${config}`, ...kernel, `from=${this.path('uml-probe')}`],
      ...[bare ? 'ro=/probe' : 'ro=/init', ...records, 'end', ''],
    ];
    writeFileSync(boot ?? '', lines.join('\0'));
    const [program, ...args] = [...WHO[who], ...before, this.path('uml-harness'), boot ?? ''];
    const guest = new Guest(spawn(program, args, { stdio: 'pipe' }));
    this.#guests.push(guest);
    return guest;
  }

  /** Starts it and waits for its end. */
  async run(boot: Boot): Promise<{ status: number; guest: Guest }> {
    const guest = this.start(boot);
    return { status: await guest.ended, guest };
  }

  /** Runs a command that must succeed. */
  async command(program: string, ...args: string[]): Promise<void> {
    const child = spawn(program, args, { stdio: 'ignore' });
    const [code] = (await once(child, 'close')) as [number];
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${code}`);
  }

  async clear(): Promise<void> {
    for (const { child } of this.#guests) child.kill('SIGKILL');
    await Promise.all(this.#guests.map(({ ended }) => ended));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
