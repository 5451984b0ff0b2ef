import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import { until } from './programs.js';
import { processesBelow } from './sandbox.js';

export interface TerminalOptions {
  env: Record<string, string>;
  cwd: string;
  columns?: number;
  rows?: number;
}

let counter = 0;

/** A terminal of its own, in a tmux server of its own: keys go in, the screen comes out. */
export class Terminal {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Starts `argv` on a terminal of 80 by 24. */
  static async open(
    argv: readonly string[],
    { env, cwd, columns = 80, rows = 24 }: TerminalOptions,
  ): Promise<Terminal> {
    counter += 1;
    const terminal = new Terminal(`compart-test-${process.pid}-${counter}`);
    const variables = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    await terminal.#tmux(
      'new-session',
      '-d',
      '-x',
      String(columns),
      '-y',
      String(rows),
      '-c',
      cwd,
      ...variables,
      '--',
      ...argv,
    );
    return terminal;
  }

  async #tmux(...args: string[]): Promise<string> {
    const { stdout } = await execa('tmux', ['-L', this.#socket, '-f', '/dev/null', ...args], {
      stdin: 'ignore',
    });
    return stdout;
  }

  /** Types text and Enter. */
  async line(text: string): Promise<void> {
    await this.type(text);
    await this.keys('Enter');
  }

  /** Types text as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', '--', text);
  }

  /** Presses keys by tmux's names: `C-c`, `Escape`, `Enter`. */
  async keys(...names: string[]): Promise<void> {
    await this.#tmux('send-keys', ...names);
  }

  /** What stands on the screen, a line each, without blanks at the ends. */
  async screen(): Promise<string> {
    return this.#tmux('capture-pane', '-p');
  }

  /** The same with what has left the screen at its top. */
  async history(): Promise<string> {
    return this.#tmux('capture-pane', '-p', '-S', '-');
  }

  /** Waits until the screen shows `pattern`; an error shows the screen as it is instead. */
  async shows(pattern: RegExp, patienceMs = 10_000): Promise<RegExpExecArray> {
    let screen = '';
    try {
      return await until(
        String(pattern),
        async () => pattern.exec((screen = await this.screen())),
        patienceMs,
      );
    } catch (error) {
      throw new Error(`the terminal does not show ${String(pattern)} but:\n${screen}`, { cause: error });
    }
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Takes the terminal away from under what runs on it, as closing its window does. */
  async hangUp(): Promise<void> {
    await this.#tmux('kill-session');
  }

  async close(): Promise<void> {
    await execa('tmux', ['-L', this.#socket, 'kill-server'], { reject: false, stdin: 'ignore' });
  }
}

/** Waits for a process of this name below the base, in one of the states of proc_pid_stat(5). */
export async function processNamed(base: string, name: string, states = 'RSDT'): Promise<number> {
  return until(`a process "${name}" in state ${states} below ${base}`, () => {
    for (const pid of processesBelow(base)) {
      try {
        const [, command, state] = /\((.*)\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
        if (command === name && states.includes(state ?? ' ')) return pid;
      } catch {
        // It ended meanwhile.
      }
    }
    return null;
  });
}
