import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect } from '@jest/globals';
import type { CompartmentEvent } from '../../src/compartments/events.js';
import type { Escape } from '../../src/state/escapes.js';
import { runs, until } from './programs.js';
import { hierarchies, type Sandbox } from './sandbox.js';
import type { Inspection } from './shapes.js';

/** The cgroup.procs of the root of every hierarchy, and of that with the memory controller alone. */
export const roots = (): string[] => hierarchies().map((mount) => `${mount}/cgroup.procs`);
export const memoryRoot = (): string => roots().find((path) => path.includes('/memory/')) ?? '';

/** Shell: moves the shell that it runs in to these groups. */
export const leave = (files: readonly string[]): string =>
  files.map((file) => `sh -c 'echo $PPID > ${file}' 2>/dev/null`).join('; ');

/** The same within double quotes. */
export const leaveQuoted = (files: readonly string[]): string => leave(files).replaceAll('$', '\\$');

/** Pids of what has these words on its command line. */
function pidsWith(wanted: (words: string[], pid: string) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return wanted(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'), pid) && runs(Number(pid));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** What tests of escapes look at; after each of them nothing of it may run any more, wherever it went. */
export class Escapees {
  readonly #sandbox: { current: Sandbox };
  /** A duration for sleep(1) by which the processes of this test are known. */
  mark = 0;

  constructor(sandbox: { current: Sandbox }) {
    this.#sandbox = sandbox;
    beforeEach(() => {
      this.mark = 10_000 + Math.floor(Math.random() * 1e6);
    });
    afterEach(async () => {
      const left = this.marked();
      for (const pid of left) process.kill(pid, 'SIGKILL');
      expect(left).toEqual([]);
      await until('the end of the guards', () => this.guards().length === 0);
    });
  }

  /** Every `sleep MARK` that runs. */
  marked(): number[] {
    return pidsWith((words) => words[0] === 'sleep' && words[1] === String(this.mark));
  }

  /** The guards of compartments with --strict. */
  guards(): number[] {
    const state = `COMPART_STATE=${this.#sandbox.current.state}`;
    return pidsWith(
      (words, pid) =>
        words.includes('guard-run') &&
        readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(state),
    );
  }

  async of(name: string): Promise<Escape[]> {
    const { escaped } = await this.#sandbox.current.json<Inspection & { escaped?: Escape[] }>([
      'inspect',
      name,
    ]);
    return escaped ?? [];
  }

  async metric(name: string, compartment: string): Promise<number> {
    const { stdout } = await this.#sandbox.current.compart(['metrics', '--level', 'full']);
    return Number(new RegExp(`^${name}\\{compartment="${compartment}"\\} (.*)$`, 'm').exec(stdout)?.[1]);
  }

  /** Listens to the events of all compartments while `work` goes on; it is given what was heard of one's escapes. */
  async listening(
    work: (heard: (name: string) => Array<Record<string, unknown>>) => Promise<void>,
  ): Promise<void> {
    const started = this.#sandbox.current.start(['events', '--json'], { stdout: 'pipe' });
    let text = '';
    (started as unknown as ChildProcess).stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const heard = (name: string): Array<Record<string, unknown>> => {
      const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
      const events = lines.filter(Boolean).map((line) => JSON.parse(line) as CompartmentEvent);
      return events.flatMap((each) => (each.event === 'escaped' && each.name === name ? [each.detail] : []));
    };
    try {
      await work(heard);
    } finally {
      started.kill('SIGTERM');
      await started;
    }
  }
}
