import { readdirSync } from 'node:fs';
import { errnoOf } from '../shared/errors.js';
import type { Escape } from './escapes.js';
import type { GuestEnding } from './guest.js';
import { foldHistory } from './fold.js';
import { makePrivateDir, readJson, stateError, writeJson } from './json.js';

/** How many exit records stay readable. */
export const HISTORY_LENGTH = 1000;
/** Pruned in batches, so that most launches do not pay for it. */
const SLACK = 50;

/** Which limit decided how the command ended. */
export type Verdict = 'ok' | 'failed' | 'oom' | 'timeout' | 'pids' | 'killed';

/** How a run ended; the shape of `--report` and `compart history --json` (docs/cli.md). */
export interface ExitRecord {
  id: string;
  name: string;
  command: string[];
  labels: Record<string, string>;
  /** ISO 8601, UTC. */
  startedAt: string;
  endedAt: string;
  wallUs: number;
  exitCode: number | null;
  signal: string | null;
  verdict: Verdict;
  /** Only of a guest: why its kernel is no more, and its own words. */
  guest?: GuestEnding;
  /** What had left the compartment and was killed for it (`--strict`); absent where nothing was. */
  escaped?: Escape[];
  limitHit: 'vm' | 'sched' | 'net' | 'io' | 'pids' | null;
  stats: Record<string, unknown>;
}

/**
 * The last exit records, one file each: two ends at once need no lock, and a crash cannot tear a record that
 * was written before. File names sort by the time of the end.
 */
export class History {
  readonly #root: string;
  readonly #dir: string;

  constructor(stateRoot: string) {
    this.#root = stateRoot;
    this.#dir = `${stateRoot}/history`;
  }

  get folder(): string {
    return this.#dir;
  }

  /** @returns ids of records that were pruned to make room, so that their logs can go as well */
  add(record: ExitRecord): string[] {
    makePrivateDir(this.#dir);
    writeJson(
      `${this.#dir}/${String(Date.parse(record.endedAt)).padStart(15, '0')}-${record.id}.json`,
      record,
    );
    return this.#prune(record.id);
  }

  /** Oldest first. A record that cannot be read is left out. */
  list(): ExitRecord[] {
    return this.#files()
      .slice(-HISTORY_LENGTH)
      .flatMap((file) => {
        const record = this.read(file);
        return record === null ? [] : [record];
      });
  }

  /** The record in one file of {@link folder}, or null. */
  read(file: string): ExitRecord | null {
    try {
      return readJson(`${this.#dir}/${file}`) as ExitRecord | null;
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  }

  #files(): string[] {
    try {
      return readdirSync(this.#dir)
        .filter((file) => file.endsWith('.json'))
        .sort();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw stateError('read', this.#dir, error);
    }
  }

  /** Looks at one end in sixteen, and leaves what it takes to the totals of the host (fold.ts): reading a thousand names would cost more than writing the record. */
  #prune(id: string): string[] {
    if (!id.endsWith('0')) return [];
    const files = this.#files();
    if (files.length <= HISTORY_LENGTH + SLACK) return [];
    const old = files.slice(0, files.length - HISTORY_LENGTH);
    if (!foldHistory(this.#root, old)) return [];
    return old.map((file) => file.replace(/^\d+-|\.json$/g, ''));
  }
}
