import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { stateError } from '../../state/json.js';

/** Stacks whose rules are changed in one transaction: their lines are one argument of a program. */
const MOST_AT_ONCE = 100;

/**
 * Numbers that wait for something to be done for them, a folder with an empty file each: whoever gets to it does it for
 * all that are there, so that a hundred need not take turns.
 */
export class Waiting {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  add(number: number): void {
    const path = this.pathOf(number);
    try {
      mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
      writeFileSync(path, '');
    } catch (error) {
      throw stateError('write', path, error);
    }
  }

  has(number: number): boolean {
    return existsSync(this.pathOf(number));
  }

  /** The lowest of them, no more than {@link MOST_AT_ONCE}. */
  some(): number[] {
    try {
      return readdirSync(this.#dir)
        .map(Number)
        .sort((a, b) => a - b)
        .slice(0, MOST_AT_ONCE);
    } catch {
      return [];
    }
  }

  done(numbers: readonly number[]): void {
    for (const number of numbers) rmSync(this.pathOf(number), { force: true });
  }

  pathOf(number: number): string {
    return `${this.#dir}/${number}`;
  }
}
