const FIRST_MS = 1000;
const LONGEST_MS = 15_000;

/** How long to wait before the next try: twice as long after each that failed. */
export class Backoff {
  #next = FIRST_MS;

  /** In milliseconds. */
  wait(): number {
    const wait = this.#next;
    this.#next = Math.min(LONGEST_MS, wait * 2);
    return wait;
  }

  reset(): void {
    this.#next = FIRST_MS;
  }
}
