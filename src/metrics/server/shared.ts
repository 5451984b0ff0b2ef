/**
 * Work that several may ask for at once. Who asks while it is under way waits for the next turn, with all others that
 * do: nobody gets an answer that is older than the question, and it never runs twice at a time.
 */
export class Shared<T> {
  readonly #work: () => Promise<T>;
  #running: Promise<unknown> | null = null;
  #next: Promise<T> | null = null;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  ask(): Promise<T> {
    this.#next ??= this.#turn(this.#running);
    return this.#next;
  }

  async #turn(before: Promise<unknown> | null): Promise<T> {
    // Always later, so that #next is set before it is cleared.
    await before?.catch(() => undefined);
    await Promise.resolve();
    const mine = this.#next;
    this.#next = null;
    this.#running = mine;
    try {
      return await this.#work();
    } finally {
      if (this.#running === mine) this.#running = null;
    }
  }
}
