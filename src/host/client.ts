import { CompartError } from '../shared/errors.js';
import { encodeFrame, launchFrame } from './frame.js';
import { NO_STREAMS, type ExitStatus, type Launched, type LaunchRequest, type Starter } from './launched.js';
import type { LaunchReport } from './plan.js';
import { Telling } from './telling.js';

/** The program of a client of this service, as it says itself. */
export interface ClientFacts {
  path: string;
  beganMs: number;
  /** The words of its command line, without its own name. */
  words: readonly string[];
}

/** What a client says of its command is bounded: it may be anybody of this user who has found the socket. */
const MOST_SAID = 64 * 1024;

/**
 * A front that this process plans for besides others (native/warm.h): what {@link Front} is to a planner of its own,
 * read while the event loop goes on.
 */
export class Client implements Starter {
  readonly path: string;
  readonly beganMs: number;
  readonly resident = true;
  readonly #words: readonly string[];
  readonly #send: (frame: Buffer) => void;
  #launch: ClientLaunch | null = null;
  #text = '';
  #gone = false;

  constructor({ path, beganMs, words }: ClientFacts, send: (frame: Buffer) => void) {
    this.path = path;
    this.beganMs = beganMs;
    this.#words = words;
    this.#send = send;
  }

  /** @throws ERR_COMPART_LAUNCH if the client has ended */
  async launch(request: LaunchRequest): Promise<Launched> {
    if (this.#launch !== null) throw new CompartError('ERR_COMPART_INTERNAL', 'a client starts one command');
    const launch = new ClientLaunch(
      () => this.#send(encodeFrame('g')),
      (late) => request.deadline?.expire(late),
    );
    this.#launch = launch;
    if (this.#gone) launch.gone();
    else this.#send(launchFrame(this.#words, request));
    await launch.started();
    return launch;
  }

  /** Takes what the client has sent. @throws RangeError where it says more than a front does */
  hear(bytes: Buffer): void {
    // Bytes as they are, until a line is whole.
    const lines = (this.#text + bytes.toString('latin1')).split('\n');
    this.#text = lines.pop() ?? '';
    if (this.#text.length > MOST_SAID) throw new RangeError('a line without an end');
    for (const line of lines) this.#launch?.hear(Buffer.from(line, 'latin1').toString('utf8'));
  }

  /** Nothing is heard of it any more. */
  gone(): void {
    this.#gone = true;
    this.#launch?.gone();
  }
}

/** A command as its client tells of it. */
class ClientLaunch implements Launched {
  pid = 0;
  readonly streams = NO_STREAMS;
  readonly go: () => void;
  readonly #expire: (late: boolean) => void;
  readonly #telling = new Telling();
  #gone = false;
  #wake: (() => void) | null = null;
  #fault: unknown = null;

  constructor(go: () => void, expire: (late: boolean) => void) {
    this.go = go;
    this.#expire = expire;
  }

  /** The client has a process for it, or cannot start one. */
  async started(): Promise<void> {
    this.pid = (await this.#until('pid')).pid ?? 0;
  }

  async exited(): Promise<ExitStatus> {
    for (;;) {
      const { ending } = this.#telling;
      if (ending !== null) return ending;
      await this.#more();
    }
  }

  async report(until?: 'ready' | 'exec'): Promise<LaunchReport> {
    return until === undefined ? this.#telling.report() : this.#until(until);
  }

  release(): void {
    // There is no monitor.
  }

  signal(): void {
    // The client hands on what it is sent.
  }

  hear(line: string): void {
    if (this.#telling.length + line.length > MOST_SAID) throw new RangeError('more than a front says');
    this.#telling.take(line, (late) => this.#tryExpire(late));
    this.#wake?.();
  }

  gone(): void {
    this.#gone = true;
    this.#wake?.();
  }

  /** What goes wrong there is told to whoever waits for the command, as it is where there is no event loop. */
  #tryExpire(late: boolean): void {
    try {
      this.#expire(late);
    } catch (error) {
      this.#fault ??= error;
    }
  }

  async #until(word: string): Promise<LaunchReport> {
    while (!this.#telling.has(word)) await this.#more();
    return this.#telling.report();
  }

  /** Waits for another line. @throws ERR_COMPART_LAUNCH if none can come */
  async #more(): Promise<void> {
    if (this.#fault !== null) throw this.#fault as Error;
    if (this.#gone) throw new CompartError('ERR_COMPART_LAUNCH', 'the client has ended');
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = null;
  }
}
