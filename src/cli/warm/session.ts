import type { Socket } from 'node:net';
import { Caller } from '../../host/caller.js';
import { Client } from '../../host/client.js';
import { encodeFrame, FrameReader, type Frame } from '../../host/frame.js';
import { Host } from '../../host/host.js';
import type { StackPool } from '../../compartments/net/stack-pool.js';
import type { GuestPool } from '../../kernel/pool.js';
import { identify } from '../../host/proc/identity.js';
import { openTerminal, type Lines, type Write } from '../terminal.js';
import { HELLO_BYTES_MAX, parseHello, type Hello } from './hello.js';

/** A front says all in one go; whoever has not by then is none. */
const HELLO_MS = 2000;
const PLANNED: ReadonlySet<string> = new Set(['run', 'exec', 'boot']);
/** Where the manager of a user's services is, which is asked by tools that have the environment of this process. */
const SHARED = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];

/** What a service answers with, and how it is asked about itself. */
export interface Ground {
  host: Host;
  lines: Lines;
  /** Of this process (native/world.h). */
  world: string;
  /** Answers a question with JSON. */
  answer: (question: string) => unknown;
  guests: () => GuestPool | null;
  stacks: () => StackPool;
  /** Told of each host that was planned on. */
  used: (host: Host) => void;
  /** Is it taking on any more? */
  open: () => boolean;
}

/** What became of a connection. */
export type Outcome = 'planned' | 'declined' | 'asked';

/** One connection, from its first byte to its end; it never throws, whatever it is sent. */
export class Session {
  readonly ended: Promise<Outcome>;
  readonly #socket: Socket;
  readonly #ground: Ground;
  readonly #reader = new FrameReader(HELLO_BYTES_MAX);
  #client: Client | null = null;
  #told = false;
  /** Is a command line of a front being planned? */
  plans = false;

  constructor(socket: Socket, ground: Ground) {
    this.#socket = socket;
    this.#ground = ground;
    this.ended = this.#serve();
  }

  async #serve(): Promise<Outcome> {
    try {
      const frame = await this.#firstFrame();
      if (frame.kind === 'Q') return await this.#answer(frame.body.toString());
      const hello = frame.kind === 'H' ? parseHello(frame.body) : null;
      const host = hello === null ? null : this.#hostOf(hello);
      if (hello === null || host === null) {
        this.#send(encodeFrame('d'));
        return 'declined';
      }
      await this.#plan(hello, host);
      return 'planned';
    } catch {
      return 'declined';
    } finally {
      this.#socket.end();
    }
  }

  /** Rejects when the peer goes, or says nothing, or what is no frame. */
  #firstFrame(): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#socket.destroy(), HELLO_MS);
      this.#socket
        .on('data', (chunk) => {
          try {
            if (this.#client !== null) return this.#client.hear(chunk);
            this.#reader.push(chunk);
            const frame = this.#reader.next();
            if (frame === null) return;
            clearTimeout(late);
            resolve(frame);
          } catch {
            this.#socket.destroy();
          }
        })
        // Half closed: a front says nothing more either, and is not there to be planned for.
        .on('end', () => this.#socket.destroy())
        .on('error', () => undefined)
        .on('close', () => {
          clearTimeout(late);
          this.#client?.gone();
          reject(new Error('closed'));
        });
    });
  }

  async #answer(question: string): Promise<Outcome> {
    this.#send(encodeFrame('J', JSON.stringify(await this.#ground.answer(question))));
    return 'asked';
  }

  /** The host as this caller sees it; null where this process cannot plan for it. */
  #hostOf(hello: Hello): Host | null {
    const { host: own, lines, world, open } = this.#ground;
    const { env, cwd } = hello;
    if (!open() || hello.world !== world || !PLANNED.has(hello.words[0] ?? '')) return null;
    if (lines.leavesProcess(hello.words) || SHARED.some((name) => env[name] !== own.caller.env[name]))
      return null;
    const identity = identify(own.paths.proc, hello.pid);
    if (identity === null) return null;
    this.#client = new Client(hello, (frame) => this.#send(frame));
    const host = Host.current(new Caller({ identity, cwd, env }), this.#client);
    return host.paths.state === own.paths.state ? host : null;
  }

  async #plan(hello: Hello, host: Host): Promise<void> {
    this.plans = true;
    this.#send(encodeFrame('a'));
    const write: Write = (fd, text) => this.#send(encodeFrame(fd === 1 ? 'O' : 'S', text));
    const terminal = openTerminal(host, [hello.path], write, {
      guests: this.#ground.guests(),
      stacks: this.#ground.stacks(),
    });
    const leave = (status: number): void => {
      if (this.#told) return;
      this.#told = true;
      this.#send(encodeFrame('E', Buffer.of(status)));
    };
    leave(await this.#ground.lines.run(hello.words, { ...terminal, leave }));
    this.#ground.used(host);
  }

  #send(frame: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(frame);
  }
}
