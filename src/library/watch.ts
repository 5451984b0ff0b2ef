import {
  changesOf,
  exitEvents,
  oomKillsOf,
  toldOf,
  type CompartmentEvent,
  type Seen,
} from '../compartments/events.js';
import type { Compartment } from '../compartments/compartment.js';
import { EscapeWatch } from '../compartments/escape.js';
import { readStats } from '../compartments/readings.js';
import type { ExitRecord } from '../state/history.js';

const LOOK_EVERY_MS = 200;

/** What is watched, and until when. */
export interface Watched {
  compartment: Compartment;
  /** Its exit record when it has ended; null where it went without one. Never rejects. */
  ended: Promise<ExitRecord | null>;
  /** Ends the watch. */
  signal?: AbortSignal | undefined;
  /** Has it been watched from its beginning? Then what it met until now are events as well. */
  fromStart: boolean;
}

/**
 * Events of one compartment as they happen, within 200 ms, until it has ended: then its OOM kills that nobody had seen, and
 * its exit.
 */
export async function* watchOne(watched: Watched): AsyncGenerator<CompartmentEvent, void> {
  const { compartment, signal, fromStart } = watched;
  const { host, store, record } = compartment;
  const seen = new Map<string, Seen>();
  const escapes = new EscapeWatch();
  const stop = new Stop(watched.ended, signal);
  try {
    for (let first = !fromStart; !stop.isDue; first = false) {
      const now = store.read(record.name);
      if (now === null || now.id !== record.id) break;
      const { vm, sched } = readStats({ ...compartment, record: now });
      const outside = await escapes.look(host, [{ ...compartment, record: now }]);
      const escaped = toldOf({ store, record: now }, outside.get(now.id));
      yield* changesOf(now, oomKillsOf(compartment, vm), sched, escaped, seen, first);
      await stop.within(LOOK_EVERY_MS);
    }
    if (signal?.aborted === true) return;
    const exit = await stop.ended;
    if (exit !== null) yield* exitEvents(exit, seen);
  } finally {
    stop.close();
  }
}

/** The end of a watch, whichever comes first. */
class Stop {
  readonly ended: Promise<ExitRecord | null>;
  isDue = false;
  readonly #signal: AbortSignal | undefined;
  #wake: () => void = () => undefined;
  readonly #end = (): void => {
    this.isDue = true;
    this.#wake();
  };

  constructor(ended: Promise<ExitRecord | null>, signal: AbortSignal | undefined) {
    this.ended = ended;
    this.#signal = signal;
    this.isDue = signal?.aborted ?? false;
    void ended.then(this.#end);
    signal?.addEventListener('abort', this.#end, { once: true });
  }

  async within(ms: number): Promise<void> {
    if (this.isDue) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#end);
  }
}
