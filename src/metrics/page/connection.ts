import { Backoff } from './backoff.js';
import { EventParser, type ServerEvent } from './event-parser.js';
import type { Hello, Sample } from './wire.js';

/** Who is told what the server says, and how the connection is. */
export interface Listener {
  hello(hello: Hello): void;
  sample(sample: Sample): void;
  /** The server is there and cannot look. */
  trouble(reason: string): void;
  lost(waitMs: number): void;
  /** The token is missing or wrong; {@link Connection.signIn} goes on. */
  unauthorized(wrong: boolean): void;
}

/** A server that says nothing for so long has gone without a word. */
const SILENCE_MS = 15_000;
const TOKEN = 'compart-token';

class Unauthorized extends Error {}

/** The stream of samples, kept up. By fetch, as EventSource can send no Authorization header. */
export class Connection {
  readonly #listener: Listener;
  readonly #backoff = new Backoff();
  #onToken: () => void = () => undefined;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** The token of this tab; the session storage ends with it. */
  get token(): string | null {
    return sessionStorage.getItem(TOKEN);
  }

  /** Headers that a request needs. */
  get headers(): Record<string, string> {
    return this.token === null ? {} : { authorization: `Bearer ${this.token}` };
  }

  signIn(token: string): void {
    sessionStorage.setItem(TOKEN, token.trim());
    this.#onToken();
  }

  /** Connects, and again whenever the connection is lost; never ends. */
  async run(): Promise<never> {
    for (;;) {
      try {
        await this.#listen();
      } catch (error) {
        if (error instanceof Unauthorized) {
          await this.#newToken();
          continue;
        }
      }
      const wait = this.#backoff.wait();
      this.#listener.lost(wait);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async #newToken(): Promise<void> {
    const given = new Promise<void>((resolve) => (this.#onToken = resolve));
    const wrong = this.token !== null;
    sessionStorage.removeItem(TOKEN);
    this.#listener.unauthorized(wrong);
    await given;
  }

  async #listen(): Promise<void> {
    const stop = new AbortController();
    let watchdog = setTimeout(() => stop.abort(), SILENCE_MS);
    try {
      const response = await fetch('api/v1/stream', {
        headers: this.headers,
        signal: stop.signal,
        cache: 'no-store',
      });
      if (response.status === 401) throw new Unauthorized();
      if (!response.ok || response.body === null) return;
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => stop.abort(), SILENCE_MS);
        for (const event of parser.push(value)) this.#tell(event);
      }
    } finally {
      clearTimeout(watchdog);
      stop.abort();
    }
  }

  #tell({ event, data }: ServerEvent): void {
    const value: unknown = JSON.parse(data);
    if (event === 'hello') this.#listener.hello(value as Hello);
    if (event === 'trouble') this.#listener.trouble(String(value));
    if (event !== 'sample') return;
    this.#backoff.reset();
    this.#listener.sample(value as Sample);
  }
}
