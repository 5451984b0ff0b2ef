import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect } from '@jest/globals';
import type { Options, ResultPromise } from 'execa';
import { overheadBytes } from '../../src/kernel/memory.js';
import { processesOf } from './crash.js';
import { KERNEL_FLAGS } from './kernels.js';
import { MIB, until } from './programs.js';
import { requires } from './requires.js';
import type { Answer, Sandbox } from './sandbox.js';
import type { ExitRecord, Inspection } from './shapes.js';

/** `it` where guests can be booted by root. */
export const withGuests = requires('root', 'uml', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

/** What the host holds a guest of so many MiB of RAM to, in bytes. */
export const chargeOf = (mib: number): number => mib * MIB + overheadBytes(mib * MIB);

/** Where compart keeps files of guests that must be on a disk. */
const diskFolder = (uid: number): string => `/var/tmp/compart-${uid}`;

/** Swap files and the like of guests with such a name. */
export function diskFilesOf(name: string, uid = 0): string[] {
  return existsSync(diskFolder(uid))
    ? readdirSync(diskFolder(uid)).filter((file) => file.startsWith(`${name}-`))
    : [];
}

export interface GuestInspection extends Inspection {
  kind: string;
  guest: {
    kernel: string;
    memoryBytes: number;
    swapBytes: number;
    cpu: number | null;
    root: string;
    report: Record<string, number | string | null> | null;
  };
}

export interface GuestExitRecord extends ExitRecord {
  guest?: { reason: string; detail: string; oomKills: number };
}

export interface Guests {
  /** Boots in the foreground and waits: flags, `--`, words. */
  boot: (args: readonly string[], options?: Options) => Promise<Answer>;
  /** The same, not waited for. */
  start: (args: readonly string[], options?: Options) => ResultPromise;
  /** Boots a guest that stays, and expects its name for an answer. */
  detach: (name: string, ...args: string[]) => Promise<void>;
  exec: (name: string, ...words: string[]) => Promise<Answer>;
  /** What a shell in the guest prints, without the last newline. */
  sh: (name: string, script: string) => Promise<string>;
  inspect: (name: string) => Promise<GuestInspection>;
  /** The last exit record. */
  last: () => Promise<GuestExitRecord>;
  /** Ends a guest, as clean as it goes, and expects that this works. */
  remove: (name: string) => Promise<void>;
}

/** Guests in the sandbox of the running test; after each, none of its processes may be left. */
export function useGuests(sandbox: { current: Sandbox }): Guests {
  const boots = (args: readonly string[]): string[] => ['boot', ...KERNEL_FLAGS, ...args];
  const exec: Guests['exec'] = (name, ...words) =>
    sandbox.current.compart(['exec', '--workdir', '/', name, '--', ...words]);
  afterEach(async () => {
    // What compart leaves for after its own end, as of any command.
    for (let tries = 0; tries < 100 && processesOf(sandbox.current).length > 0; tries += 1) await delay(20);
    expect(processesOf(sandbox.current)).toEqual([]);
  });
  return {
    boot: (args, options) => sandbox.current.compart(boots(args), options),
    start: (args, options) => sandbox.current.start(boots(args), options),
    detach: async (name, ...args) => {
      const answer = await sandbox.current.compart(boots(['-d', '--name', name, ...args]));
      expect(answer).toEqual({ status: 0, stdout: `${name}\n`, stderr: '' });
      await up(sandbox.current, name);
    },
    exec,
    sh: async (name, script) => {
      const { status, stdout, stderr } = await exec(name, 'sh', '-c', script);
      expect({ script, status, stderr }).toEqual({ script, status: 0, stderr: '' });
      return stdout.trimEnd();
    },
    inspect: (name) => sandbox.current.json(['inspect', name]),
    last: async () => {
      const last = (await sandbox.current.json<GuestExitRecord[]>(['history'])).at(-1);
      if (last === undefined) throw new Error('nothing in the history');
      return last;
    },
    remove: async (name) => {
      const { status, stderr } = await sandbox.current.compart(['rm', '--force', name]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    },
  };
}

/** Waits until the guest has said that it is up. */
async function up(sandbox: Sandbox, name: string): Promise<void> {
  await until(
    `${name} is up`,
    async () => (await sandbox.json<GuestInspection>(['inspect', name])).guest.report?.['readyUs'] != null,
    60_000,
  );
}

/** What a promise came to, and after how many milliseconds. */
export async function timed<T>(what: Promise<T>): Promise<{ answer: T; ms: number }> {
  const started = Date.now();
  const answer = await what;
  return { answer, ms: Date.now() - started };
}
