import type { ServerResponse } from 'node:http';
import type { Host } from '../../host/host.js';
import type { Hello } from '../page/wire.js';
import { HttpError } from './answer.js';
import { Sampler, type Audience } from './sampler.js';
import type { Pass } from './watch.js';

const MOST_STREAMS = 16;
/** A client that has not taken its last message for so many passes is dropped. */
const PATIENCE = 10;

interface Listener {
  response: ServerResponse;
  /** Has it missed something, so that only a full sample is of use to it? */
  behind: boolean;
  /** Passes since it last took what was sent. */
  waits: number;
}

/** All streams of samples, as server-sent events. No client is ever sent more than it has taken, but one message. */
export class Streams implements Audience {
  readonly #sampler: Sampler;
  readonly #hello: Hello;
  readonly #listeners = new Set<Listener>();
  #last: Pass | null = null;

  constructor(host: Host, hello: Hello) {
    this.#sampler = new Sampler(host, this);
    this.#hello = hello;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a client. @throws HttpError 503 if there are too many, ERR_COMPART_STATE */
  open(response: ServerResponse): void {
    if (this.#listeners.size >= MOST_STREAMS)
      throw new HttpError(503, 'ERR_HTTP_BUSY', `${MOST_STREAMS} streams are open already`, 'close a page');
    this.#sampler.start();
    const listener = { response, behind: this.#last === null, waits: 0 };
    this.#listeners.add(listener);
    response.on('close', () => this.#forget(listener));
    response.on('error', () => this.#forget(listener));
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(message('hello', JSON.stringify(this.#hello)));
    // Who comes while others listen need not wait for the next pass.
    if (this.#last !== null) response.write(message('sample', this.#last.all()));
  }

  heard(pass: Pass): void {
    this.#last = pass;
    let changed: Buffer | null = null;
    let all: Buffer | null = null;
    for (const listener of this.#listeners) {
      if (!this.#keepsUp(listener)) continue;
      if (listener.behind) all ??= Buffer.from(message('sample', pass.all()));
      else changed ??= Buffer.from(message('sample', pass.changed));
      listener.response.write((listener.behind ? all : changed) ?? '');
      listener.behind = false;
    }
  }

  missed(reason: string): void {
    for (const listener of this.#listeners)
      if (this.#keepsUp(listener)) listener.response.write(message('trouble', JSON.stringify(reason)));
  }

  #keepsUp(listener: Listener): boolean {
    if (!listener.response.writableNeedDrain) {
      listener.waits = 0;
      return true;
    }
    listener.behind = true;
    listener.waits += 1;
    if (listener.waits >= PATIENCE) listener.response.destroy();
    return false;
  }

  #forget(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#sampler.stop();
    this.#last = null;
  }

  /** Ends all of them. */
  close(): void {
    for (const { response } of this.#listeners) response.end();
  }
}

/** One event (HTML Standard, "Server-sent events"); JSON has no line ends. */
const message = (event: string, data: string): string => `event: ${event}\ndata: ${data}\n\n`;
