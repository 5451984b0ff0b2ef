import { COLLECTORS, type Collected, type CollectorName } from './snapshot.js';

/** How each collector does: how long it took the last time, and what it could not read since the process started. */
export class Meter {
  readonly #errors = new Map<CollectorName, number>();
  readonly #now = new Map<CollectorName, { ms: number; errors: number }>();

  /** A new scrape: durations and success begin anew, errors go on. */
  begin(): void {
    this.#now.clear();
  }

  /** Something could not be read; the scrape goes on. */
  fail(collector: CollectorName): void {
    this.#errors.set(collector, (this.#errors.get(collector) ?? 0) + 1);
    const now = this.#now.get(collector);
    this.#now.set(collector, { ms: now?.ms ?? 0, errors: (now?.errors ?? 0) + 1 });
  }

  /** Does a collector's work, and counts the time. */
  async time<T>(collector: CollectorName, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      const now = this.#now.get(collector);
      const ms = (now?.ms ?? 0) + performance.now() - started;
      this.#now.set(collector, { ms, errors: now?.errors ?? 0 });
    }
  }

  /** One step of a collector's work: what it throws counts, and comes to null. */
  attempt<T>(collector: CollectorName, step: () => T): T | null {
    try {
      return step();
    } catch {
      this.fail(collector);
      return null;
    }
  }

  /** Those that did anything in this scrape. */
  read(): Partial<Record<CollectorName, Collected>> {
    const known = COLLECTORS.flatMap((name) => {
      const now = this.#now.get(name);
      if (now === undefined) return [];
      const errors = this.#errors.get(name) ?? 0;
      return [[name, { seconds: now.ms / 1000, success: now.errors === 0, errors }] as const];
    });
    return Object.fromEntries(known);
  }
}
