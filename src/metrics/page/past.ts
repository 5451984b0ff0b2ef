import type { Rates, Reading } from './reading.js';

/** How long the page remembers. */
export const KEPT_SECONDS = 300;

/** What is plotted over time. */
export const COLUMNS = [
  'memoryBytes',
  'workingSetBytes',
  'memoryLimitBytes',
  'memoryHighBytes',
  'cpus',
  'cpuLimitCpus',
  'throttled',
  'rxBps',
  'txBps',
  'rxLimitBps',
  'txLimitBps',
  'memoryPressure',
  'cpuPressure',
  'ioPressure',
] as const;
export type Column = (typeof COLUMNS)[number];

/** Something that happened, marked in the plots. */
export interface Mark {
  /** Unix time in seconds. */
  at: number;
  kind: 'oom' | 'limit';
  text: string;
}

/** The last five minutes of one compartment. */
export class Past {
  /** Unix times in seconds, ascending. */
  readonly times: number[] = [];
  readonly #columns = new Map<Column, Array<number | null>>(COLUMNS.map((column) => [column, []]));
  marks: Mark[] = [];

  column(column: Column): ReadonlyArray<number | null> {
    return this.#columns.get(column) ?? [];
  }

  /** The last value of a column, or null. */
  last(column: Column): number | null {
    return this.column(column).at(-1) ?? null;
  }

  /** @param values null for a gap: nobody looked */
  add(at: number, values: (Reading & Rates) | null): void {
    this.times.push(at);
    for (const [column, list] of this.#columns) list.push(values?.[column] ?? null);
    const old = this.times.findIndex((time) => time >= at - KEPT_SECONDS);
    if (old > 0) {
      this.times.splice(0, old);
      for (const list of this.#columns.values()) list.splice(0, old);
    }
    if ((this.marks[0]?.at ?? at) < at - KEPT_SECONDS)
      this.marks = this.marks.filter((mark) => mark.at >= at - KEPT_SECONDS);
  }
}
