import { readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { errnoOf } from '../shared/errors.js';
import type { ProcessIdentity } from '../host/proc/identity.js';
import { makePrivateDir, stateError } from './json.js';

/** Who has a number, and whose record would tell of it. */
export interface Lessee {
  /** The state folder of the compartment, its name and its id. */
  state: string;
  name: string;
  id: string;
  /** Who took it: alive, it may not have written its record yet. */
  claimer: ProcessIdentity;
}

export interface Lease extends Lessee {
  number: number;
}

/**
 * Numbers that one compartment each has: a folder of symbolic links, each made in one step with its content. A
 * number is taken before anything that is called by it exists, and given back after the last of it is gone.
 */
export class Leases {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Takes the lowest number that is free.
   * @param usable is nothing left of an earlier use of it?
   * @returns null if all are taken
   */
  take(lessee: Lessee, first: number, last: number, usable: (number: number) => boolean): number | null {
    makePrivateDir(this.folder);
    const taken = new Set(this.#numbers());
    for (let number = first; number <= last; number += 1) {
      if (taken.has(number) || !usable(number)) continue;
      try {
        symlinkSync(JSON.stringify(lessee), this.pathOf(number));
        return number;
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw stateError('make', this.pathOf(number), error);
      }
    }
    return null;
  }

  /**
   * Hands a number that is taken to somebody else, in one step: it is one's or the other's, whoever dies meanwhile.
   * @throws ERR_COMPART_STATE
   */
  pass(number: number, to: Lessee): void {
    const path = this.pathOf(number);
    // What a crash leaves of it goes with others that are torn (json.ts).
    const next = `${path}.${process.pid}.tmp`;
    try {
      rmSync(next, { force: true });
      symlinkSync(JSON.stringify(to), next);
      renameSync(next, path);
    } catch (error) {
      throw stateError('make', path, error);
    }
  }

  /** All of them, lowest first. */
  all(): Lease[] {
    return this.#numbers()
      .sort((a, b) => a - b)
      .flatMap((number) => this.#read(number) ?? []);
  }

  /** That of the compartment with this id, or null. */
  of(id: string): Lease | null {
    return this.all().find((lease) => lease.id === id) ?? null;
  }

  isEmpty(): boolean {
    return this.#numbers().length === 0;
  }

  /** What says that a number is taken: it is free once that is gone. */
  pathOf(number: number): string {
    return `${this.folder}/${number}`;
  }

  #read(number: number): Lease | null {
    try {
      return { ...(JSON.parse(readlinkSync(this.pathOf(number))) as Lessee), number };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw stateError('read', this.pathOf(number), error);
    }
  }

  #numbers(): number[] {
    try {
      return readdirSync(this.folder)
        .map(Number)
        .filter((number) => Number.isInteger(number));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw stateError('read', this.folder, error);
    }
  }
}
