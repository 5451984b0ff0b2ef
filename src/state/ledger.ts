import { readdirSync } from 'node:fs';
import { errnoOf } from '../shared/errors.js';
import type { ExitRecord } from './history.js';
import { makePrivateDir, readJson, stateError, writeJson } from './json.js';
import { laterUsage, noUsage, reasonOf, usageOf, type ExitReason, type Usage } from './usage.js';

/** What one file tells of one compartment that ended, or of what it had used when a part of it was taken out. */
export interface Entry {
  id: string;
  name: string;
  usage: Usage;
  /** Null where no run of it ended. */
  reason: ExitReason | null;
}

/** What is known of compartments that are gone and whose files are gone as well. */
export interface Base {
  /** Goes up with every fold, so that a reader knows when one came in between. */
  seq: number;
  usage: Usage;
  exits: Partial<Record<ExitReason, number>>;
  /** How many compartments are in it. */
  count: number;
  /** By id, those that still existed when their exit record was folded: they may have used more since. */
  kept: Record<string, { usage: Usage; reason: ExitReason | null }>;
  /** Files of the last fold. A crash may have left them, and they must not count twice. */
  folded: string[];
}

/** The two kinds of files, as folders below the state. */
export const FOLDERS = ['history', 'totals/removed'] as const;
const [HISTORY, REMOVED] = FOLDERS;

const emptyBase = (): Base => ({ seq: 0, usage: noUsage(), exits: {}, count: 0, kept: {}, folded: [] });

/** The files behind the totals of a host: the base, the history, and what was removed without an exit record. */
export class Ledger {
  readonly root: string;

  constructor(stateRoot: string) {
    this.root = stateRoot;
  }

  /** Where the base stands, and the lock of whoever folds. */
  get folder(): string {
    return `${this.root}/totals`;
  }

  base(): Base {
    try {
      return (readJson(`${this.folder}/base.json`) as Base | null) ?? emptyBase();
    } catch (error) {
      // Somebody damaged it: the totals begin anew, as after a boot.
      if (error instanceof SyntaxError) return emptyBase();
      throw error;
    }
  }

  saveBase(base: Base): void {
    writeJson(`${this.folder}/base.json`, base);
  }

  /** Names of all files, relative to the state folder, sorted within each folder. */
  files(): string[] {
    return FOLDERS.flatMap((folder) => {
      try {
        return readdirSync(`${this.root}/${folder}`)
          .filter((file) => file.endsWith('.json'))
          .sort()
          .map((file) => `${folder}/${file}`);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return [];
        throw stateError('read', `${this.root}/${folder}`, error);
      }
    });
  }

  /** @returns null where the file is gone; an entry that counts nothing where it is no record */
  entry(file: string): Entry | null {
    let value: unknown;
    try {
      value = readJson(`${this.root}/${file}`);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      value = {};
    }
    if (value === null) return null;
    const { id = idIn(file), name = '' } = value as Partial<Entry>;
    if (!isHistory(file))
      return { id, name, usage: laterUsage((value as Partial<Entry>).usage ?? {}, {}), reason: null };
    const record = value as Partial<ExitRecord>;
    if (record.verdict === undefined) return { id, name, usage: noUsage(), reason: null };
    return {
      id,
      name,
      usage: usageOf(record.stats ?? {}, record.guest?.readyUs),
      reason: reasonOf(record as ExitRecord),
    };
  }

  /** Notes what a compartment had used: once it is removed, or a part of it. Again for the same one, the later counts. */
  note({ id, name, createdAt }: { id: string; name: string; createdAt: number }, usage: Usage): void {
    const file = `${REMOVED}/${String(createdAt).padStart(15, '0')}-${id}.json`;
    makePrivateDir(`${this.root}/${REMOVED}`);
    writeJson(`${this.root}/${file}`, { id, name, usage: laterUsage(usage, this.entry(file)?.usage) });
  }
}

export const isHistory = (file: string): boolean => file.startsWith(`${HISTORY}/`);

/** Both folders name files `TIME-ID.json`. */
export const idIn = (file: string): string => file.replace(/^.*\/\d+-|\.json$/g, '');
