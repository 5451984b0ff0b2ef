import { parseEnding, type ExitStatus } from './launched.js';
import { parseReport, type LaunchReport } from './plan.js';

/** What a front tells of its command, line by line (native/front.c); how its lines come is its reader's. */
export class Telling {
  #said = '';
  #ending: ExitStatus | null = null;

  /** How the command ended; null until then. */
  get ending(): ExitStatus | null {
    return this.#ending;
  }

  /** How many characters were told, but for those about the command's time. */
  get length(): number {
    return this.#said.length;
  }

  /** @param expire called when the command's time is up, and once more, late */
  take(line: string, expire: (late: boolean) => void): void {
    if (line === 'timeout' || line === 'kill') expire(line === 'kill');
    else this.#said += `${line}\n`;
    this.#ending ??= parseEnding(line);
  }

  /** Is nothing more to be waited for by who wants this word: was it told, or a failure, or the end? */
  has(word: string): boolean {
    return this.#ending !== null || new RegExp(`^(${word}|fail)\\b`, 'm').test(this.#said);
  }

  report(): LaunchReport {
    return parseReport(this.#said);
  }
}
