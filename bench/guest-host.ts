import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { execa } from 'execa';
import { Host } from '../src/host/host.js';
import { uml } from '../src/kernel/uml/uml.js';
import { hierarchies } from '../test/support/groups.js';

/** A kernel to measure guests with. */
export interface BenchKernel {
  name: string;
  /** Words of `compart boot`. */
  words: string[];
  /** Before its program where that is started by hand: what it wants besides on this CPU. */
  before: string[];
}

/** Those that are installed and run on this CPU, the fastest last; and why others are not measured. */
export function kernels(): { list: BenchKernel[]; absent: string[] } {
  const host = Host.current();
  const list: BenchKernel[] = [];
  const absent: string[] = [];
  for (const kernel of uml.installed(host).reverse()) {
    const name = `${kernel.origin === 'debian' ? "Debian's" : "compart's"} ${kernel.version}`;
    const lack = uml.lack(kernel, host);
    const library = uml.preload(kernel, host);
    const before = library === null ? [] : ['env', `LD_PRELOAD=${library}`];
    if (lack === null) list.push({ name, words: ['--kernel', kernel.path], before });
    else absent.push(`${name}: ${lack.why}`);
  }
  return { list, absent };
}

/** A state folder, groups and a working directory of the bench's own. */
export class Bench {
  readonly dir = mkdtempSync(`${tmpdir()}/compart-bench-`);
  readonly work = `${this.dir}/work`;
  readonly #base = '/compart-bench-guest';
  readonly env = { COMPART_STATE: `${this.dir}/state`, COMPART_CGROUP: this.#base };

  constructor() {
    mkdirSync(this.work);
  }

  /** Runs compart in the working directory. @returns both of its streams. @throws for another status than 0 */
  async compart(...words: string[]): Promise<{ stdout: string; stderr: string }> {
    const { NODE_EXTRA_CA_CERTS: _unset, ...inherited } = process.env;
    const env = { ...inherited, ...this.env };
    const options = { cwd: this.work, env, extendEnv: false, stdin: 'ignore' } as const;
    return execa(`${process.cwd()}/bin/compart`, words, options);
  }

  /** A guest that stays, while something is done with it. */
  async withGuest<T>(name: string, flags: readonly string[], work: () => Promise<T>): Promise<T> {
    await this.compart('boot', '-d', '--name', name, ...flags);
    try {
      return await work();
    } finally {
      await this.compart('rm', '--force', name);
    }
  }

  async end(): Promise<void> {
    const { stdout } = await this.compart('ps', '--json');
    for (const { name } of JSON.parse(stdout) as Array<{ name: string }>)
      await this.compart('rm', '--force', name);
    rmSync(this.dir, { recursive: true, force: true });
    for (const mount of hierarchies()) {
      try {
        rmdirSync(mount + this.#base);
      } catch {
        // Was not made there.
      }
    }
  }
}
