import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { execa } from 'execa';
import { hierarchies } from '../test/support/groups.js';

const MODULES = '/usr/lib/uml/modules';
const DEBIAN = '/usr/bin/linux.uml';
const BUILT = '/usr/local/lib/compart/kernels';

/** A kernel to measure guests with. */
export interface BenchKernel {
  name: string;
  /** Words of `compart boot`. */
  words: string[];
}

const namesIn = (dir: string): string[] => (existsSync(dir) ? readdirSync(dir).sort() : []);

/** Debian's, and those that `compart kernel build` made for everybody. */
export function kernels(): BenchKernel[] {
  const debian = { name: `Debian's ${namesIn(MODULES)[0] ?? ''}`, words: ['--kernel', DEBIAN] };
  const built = namesIn(BUILT)
    .map((name) => `${BUILT}/${name}`)
    .filter((folder) => existsSync(`${folder}/linux`) && existsSync(`${folder}/kernel.json`))
    .map((folder): BenchKernel => {
      const { version } = JSON.parse(readFileSync(`${folder}/kernel.json`, 'utf8')) as { version: string };
      return { name: `compart's ${version}`, words: ['--kernel', `${folder}/linux`] };
    });
  return [...(existsSync(DEBIAN) ? [debian] : []), ...built];
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
