/** How far a build is. */
export interface Progress {
  phase: 'unpack' | 'configure' | 'compile' | 'install';
  /** Of compiling, 0 to 99; 0 before it. */
  percent: number;
  /** Milliseconds that compiling will still take; null while there is no telling. */
  leftMs: number | null;
}

/** Lines that make prints for Linux 6.1 with the fragment as it is: one for each object, and for what is made of them. */
const USUAL_STEPS = 1530;
const FIRST_GUESS_PERCENT = 2;

/** Tells from the steps of an earlier build how far this one is. */
export class Meter {
  readonly #expected: number;
  readonly #began = performance.now();
  steps = 0;

  constructor(expected: number | null) {
    this.#expected = expected ?? USUAL_STEPS;
  }

  /** Counts a line of make: `  CC      mm/mempool.o`. @returns whether it was a step */
  count(line: string): boolean {
    const step = /^ {2}[A-Z]\S* +\S/.test(line);
    if (step) this.steps += 1;
    return step;
  }

  get progress(): Progress {
    const part = Math.min(this.steps / this.#expected, 0.99);
    const percent = Math.floor(part * 100);
    const spent = performance.now() - this.#began;
    const leftMs = percent < FIRST_GUESS_PERCENT ? null : (spent * (1 - part)) / part;
    return { phase: 'compile', percent, leftMs };
  }
}
