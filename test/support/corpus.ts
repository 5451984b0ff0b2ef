import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from '@jest/globals';
import { canRun } from './requires.js';

const SOURCES = fileURLToPath(new URL('../hostile/', import.meta.url));
const WORDS = ['-std=c11', '-O2', '-static', '-no-pie', '-Wall', '-Wextra', '-Werror', '-pthread'];

/** A user that nothing else runs as. */
export const STRANGER = 60_777;

/** The programs of test/hostile, built, in a folder that everybody may enter; another for what they write. */
export class Corpus {
  readonly dir = mkdtempSync(`${tmpdir()}/compart-hostile-`);

  constructor() {
    chmodSync(this.dir, 0o777);
    for (const source of readdirSync(SOURCES).filter((name) => name.endsWith('.c')))
      execFileSync('cc', [...WORDS, '-o', this.path(source.slice(0, -2)), `${SOURCES}${source}`]);
  }

  path(program: string): string {
    return `${this.dir}/${program}`;
  }

  /** How late a small task of the host is while `work` goes on, in milliseconds. */
  async pulse<T>(work: () => Promise<T>): Promise<{ result: T; median: number; p99: number; worst: number }> {
    const child = spawn(this.path('pulse'), { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const closed = once(child, 'close');
    try {
      const result = await work();
      child.kill('SIGTERM');
      await closed;
      const [median = NaN, p99 = NaN, worst = NaN] = text.trim().split(' ').map(Number);
      return { result, median, p99, worst };
    } finally {
      child.kill('SIGKILL');
    }
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }
}

/** PF_EXITING of include/linux/sched.h. */
const EXITING = 4;

/**
 * Processes of the stranger that run, wherever they are. Who is dead is not among them, buried or not, nor process 1 of a
 * namespace that has ended and waits for the others of it to be buried.
 */
export function strangers(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state = '', , , , , , flags = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const ended = 'ZX'.includes(state) || (Number(flags) & EXITING) !== 0;
        return statSync(`/proc/${pid}`).uid === STRANGER && !ended ? [stat.slice(0, 60)] : [];
      } catch {
        return [];
      }
    });
}

/** One for the tests of a file, which need these; none where they cannot run. */
export function useCorpus(needs: readonly string[]): { current: Corpus } {
  const holder = {} as { current: Corpus };
  if (!canRun(...needs)) return holder;
  beforeAll(() => {
    holder.current = new Corpus();
  });
  afterAll(() => {
    holder.current.remove();
  });
  return holder;
}
