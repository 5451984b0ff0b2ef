import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '../../host/host.js';
import { Watch, type Pass } from './watch.js';

const EVERY_MS = 1000;
/** Between two passes the server belongs to its callers, however long a pass took. */
const REST_MS = 200;

/** Who is told of every pass. */
export interface Audience {
  heard(pass: Pass): void;
  /** A pass could not be made; the next is tried as usual. */
  missed(reason: string): void;
}

/** Reads all compartments once a second, from start to stop: one pass for all who listen. */
export class Sampler {
  readonly #host: Host;
  readonly #audience: Audience;
  #running: AbortController | null = null;

  constructor(host: Host, audience: Audience) {
    this.#host = host;
    this.#audience = audience;
  }

  /** Does nothing where it runs already. @throws ERR_COMPART_STATE if the state cannot be watched */
  start(): void {
    if (this.#running !== null) return;
    const watch = new Watch(this.#host);
    this.#running = new AbortController();
    void this.#run(watch, this.#running.signal);
  }

  stop(): void {
    this.#running?.abort();
    this.#running = null;
  }

  async #run(watch: Watch, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const started = performance.now();
      try {
        const pass = await watch.pass();
        this.#tell(stop, (audience) => audience.heard(pass));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#tell(stop, (audience) => audience.missed(reason));
      }
      const left = Math.max(REST_MS, EVERY_MS - (performance.now() - started));
      await delay(left, undefined, { signal: stop }).catch(() => undefined);
    }
    watch.close();
  }

  /** Not after the end: nobody may be left, or others who have a run of their own. */
  #tell({ aborted }: AbortSignal, tell: (audience: Audience) => void): void {
    if (!aborted) tell(this.#audience);
  }
}
