import { readSync, writeSync } from 'node:fs';
import { CompartError } from '../shared/errors.js';
import { encodeFrame, launchFrame } from './frame.js';
import { NO_STREAMS, type ExitStatus, type Launched, type LaunchRequest, type Starter } from './launched.js';
import { pause } from './pause.js';
import type { LaunchReport } from './plan.js';
import { Telling } from './telling.js';

const HIDDEN = 'COMPART_HIDDEN_';
/** From the end of the front's channel to its death, on a machine that is busy. */
const DYING_MS = 2000;

/**
 * The program that started this one to plan for it (native/front.c): it starts the command, as its own child,
 * and waits for it. Both ends are read and written without the event loop, as nothing else is to be done. This
 * process dies when the front does, so that a front that was killed leaves what `gc` removes.
 */
export class Front implements Starter {
  readonly path: string;
  readonly beganMs: number;
  readonly resident = false;
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(4096);
  #text = '';

  constructor(fd: number, beganUs: number, path: string) {
    this.#fd = fd;
    this.beganMs = beganUs / 1000;
    this.path = path;
  }

  /**
   * The front that COMPART_FRONT names, or null. The variable goes: what is started from here has no front. What
   * native/planner.c has hidden from this very program is there again for what is started.
   */
  static take(env: NodeJS.ProcessEnv): Front | null {
    const [, fd, began, path = ''] = /^(\d+):(\d+):(.*)$/s.exec(env['COMPART_FRONT'] ?? '') ?? [];
    delete env['COMPART_FRONT'];
    const hidden = Object.entries(env).filter(([name]) => name.startsWith(HIDDEN));
    for (const [name] of hidden) Reflect.deleteProperty(env, name);
    for (const [name, value] of hidden) env[name.slice(HIDDEN.length)] = value;
    return fd === undefined ? null : new Front(Number(fd), Number(began), path);
  }

  launch(request: LaunchRequest): Launched {
    this.#send(launchFrame(process.argv.slice(2), request));
    return new FrontLaunch(
      () => this.#line(),
      () => this.#send(encodeFrame('g')),
      (late) => request.deadline?.expire(late),
    );
  }

  /** Ends the front with this status, and this process without the time that Node takes to clean up. */
  end(status: number): void {
    process.emit('exit', status);
    this.#send(encodeFrame('E', Buffer.of(status)));
    process.kill(process.pid, 'SIGKILL');
  }

  #send(frame: Buffer): void {
    for (let rest = frame; rest.length > 0;) rest = rest.subarray(writeSync(this.#fd, rest));
  }

  #line(): string {
    for (;;) {
      const end = this.#text.indexOf('\n');
      if (end >= 0) {
        const line = Buffer.from(this.#text.slice(0, end), 'latin1').toString('utf8');
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const count = readSync(this.#fd, this.#buffer);
      // A front that was killed takes this process along (native/planner.c), a moment after it has closed its end: what is
      // begun meanwhile would be cut short, and is gc's to do.
      if (count === 0) {
        pause(DYING_MS);
        throw new CompartError('ERR_COMPART_INTERNAL', 'the front has ended');
      }
      // Bytes as they are, until the line is whole.
      this.#text += this.#buffer.toString('latin1', 0, count);
    }
  }
}

/** A command as the front tells of it; each wait reads on from where the last one ended. */
class FrontLaunch implements Launched {
  readonly pid: number;
  readonly streams = NO_STREAMS;
  readonly go: () => void;
  readonly #line: () => string;
  readonly #expire: (late: boolean) => void;
  readonly #telling = new Telling();

  constructor(line: () => string, go: () => void, expire: (late: boolean) => void) {
    this.#line = line;
    this.#expire = expire;
    this.go = go;
    this.pid = this.#hear('pid').pid ?? 0;
  }

  exited(): Promise<ExitStatus> {
    for (;;) {
      const { ending } = this.#telling;
      if (ending !== null) return Promise.resolve(ending);
      this.#next();
    }
  }

  report(until?: 'ready' | 'exec'): Promise<LaunchReport> {
    return Promise.resolve(until === undefined ? this.#telling.report() : this.#hear(until));
  }

  release(): void {
    // There is no monitor.
  }

  signal(): void {
    // The front hands on what it is sent.
  }

  #hear(word: string): LaunchReport {
    while (!this.#telling.has(word)) this.#next();
    return this.#telling.report();
  }

  #next(): void {
    this.#telling.take(this.#line(), this.#expire);
  }
}
