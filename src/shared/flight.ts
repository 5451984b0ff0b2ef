/** Work of which there is never more than one at a time: who asks for it meanwhile waits for the same. */
export class Flight {
  #under: Promise<void> | null = null;

  /** @throws (rejects) as the work that is under way */
  run(work: () => Promise<void>): Promise<void> {
    this.#under ??= work().finally(() => (this.#under = null));
    return this.#under;
  }

  /** Waits for what is under way, however that ends. */
  async landed(): Promise<void> {
    await this.#under?.catch(() => undefined);
  }
}
