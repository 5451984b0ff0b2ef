import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { execa, type Result } from 'execa';
import { COMPART } from '../support/installed.js';
import { outcomeOf, type Outcome } from './outcome.js';
import { ACCOUNTS, type System, type Who } from './systems.js';
import type { Workplace } from './tree.js';

const MEMORY = '3G';
/** systemd on a busy machine, or none. */
const BOOT_PATIENCE_MS = 180_000;
/** Of one test that has no bound of its own, and of one file: a guest does system calls at a dozenth of the host's speed. */
const TEST_SECONDS = 1800;
const FILE_SECONDS = 3600;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A system that runs, and tests in it. */
export class SystemGuest {
  readonly #system: System;
  readonly #work: Workplace;
  readonly #env: Record<string, string>;
  /** Release, kernel and service manager. */
  release = '';

  constructor(system: System, work: Workplace) {
    this.#system = system;
    this.#work = work;
    // Two runs at once have a guest of the same name each.
    this.#env = { COMPART_STATE: `${work.dir}/state`, COMPART_CGROUP: `/compart-systems-${process.pid}` };
  }

  /** @throws if it does not come up, with what it said */
  async boot(image: string): Promise<void> {
    const { name, init } = this.#system;
    const mounts = [
      `${this.#work.tree}:/compart:ro`,
      `${process.execPath}:/usr/local/bin/node:ro`,
      `${this.#work.tree}/test/systems/guest:/systems:ro`,
    ].flatMap((mount) => ['--mount', mount]);
    const flags = [
      '--name',
      name,
      '--mem',
      MEMORY,
      '--root',
      image,
      '--disk',
      this.#work.disk(name),
      '--init',
      init,
    ];
    const { exitCode, stderr } = await this.#compart('boot', '-d', ...flags, ...mounts);
    if (exitCode !== 0) throw new Error(`${name} does not boot: ${stderr}`);
    for (const began = Date.now(); ; await delay(500)) {
      const up = await this.#exec('/bin/true');
      if (up.exitCode === 0) break;
      if (Date.now() - began > BOOT_PATIENCE_MS) throw new Error(`${name} does not come up: ${up.stderr}`);
    }
    const prepared = await this.#exec('/systems/prepare', this.#system.manager);
    if (prepared.exitCode !== 0) throw new Error(`${name} cannot be prepared: ${prepared.stderr}`);
    this.release = prepared.stdout.trim();
  }

  /** Runs one file of test/integration; whatever happens to it is an outcome. */
  async test(file: string, who: Who): Promise<Outcome> {
    const account = ACCOUNTS[who];
    const base = this.#system.bases[who];
    const result = `/scratch/result-${account}.json`;
    const env = [
      ...[`PATH=${PATH}`, 'TMPDIR=/scratch', 'NODE_OPTIONS=--experimental-vm-modules'],
      ...(base === null ? [] : [`COMPART_TEST_BASE=${base}`]),
    ];
    const jest = [
      ...[
        'node',
        'node_modules/jest/bin/jest.js',
        '--runInBand',
        '--cacheDirectory',
        `/scratch/jest-${account}`,
      ],
      ...[
        '--testTimeout',
        `${TEST_SECONDS}000`,
        '--json',
        '--outputFile',
        result,
        `test/integration/${file}.test.ts`,
      ],
    ];
    const script = `rm -f ${result}; cd /compart && exec timeout ${FILE_SECONDS} env ${[...env, ...jest].join(' ')}`;
    const began = Date.now();
    const { stderr } = await this.#exec('/systems/as', account, script);
    const { stdout: json } = await this.#exec('/bin/cat', result);
    return outcomeOf({
      file,
      who,
      json,
      stderr,
      seconds: Math.round((Date.now() - began) / 1000),
      tree: this.#work.commit,
    });
  }

  /** It is thrown away: as if the power were cut. */
  async end(): Promise<void> {
    const { name } = this.#system;
    await this.#compart('kill', name);
    await this.#compart('rm', '--force', name);
    rmSync(`${this.#work.dir}/${name}.ext4`, { force: true });
  }

  #exec(...words: string[]): Promise<Result & { stdout: string; stderr: string }> {
    return this.#compart('exec', this.#system.name, '--', ...words);
  }

  #compart(...args: string[]): Promise<Result & { stdout: string; stderr: string }> {
    return execa(COMPART, args, { reject: false, stdin: 'ignore', env: this.#env }) as unknown as Promise<
      Result & { stdout: string; stderr: string }
    >;
  }
}
