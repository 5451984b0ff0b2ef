import { setImmediate as nextTurn } from 'node:timers/promises';

/** Long work in slices, so that the event loop answers others meanwhile. */
export class Pace {
  readonly #sliceMs: number;
  #since = performance.now();

  /** @param sliceMs how long it may go on at a stretch */
  constructor(sliceMs: number) {
    this.#sliceMs = sliceMs;
  }

  /** Ask after each step of less than a millisecond; then `if (pace.isDue()) await pace.rest()`. */
  isDue(): boolean {
    return performance.now() - this.#since > this.#sliceMs;
  }

  /** Lets everything else that waits have its turn. */
  async rest(): Promise<void> {
    await nextTurn();
    this.#since = performance.now();
  }
}
