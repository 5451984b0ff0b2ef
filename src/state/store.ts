import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { CompartError, errnoOf } from '../shared/errors.js';
import type { ProcessIdentity } from '../host/proc/identity.js';
import { makePrivateDir, readJson, removeUnfinished, stateError, writeJson } from './json.js';
import { isName, isOfOtherVersion, isRecord, type CompartmentRecord } from './record.js';

const RECORD = 'record.json';

/** What became of a record: one of another version is whole, for that version. */
export type RecordCondition = 'whole' | 'other-version' | 'damaged' | 'missing';

/** Somebody else was faster, or the name has been taken anew. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST']);
/** A folder being prepared: `.new-PID_STARTTIME-NAME`. It becomes NAME by one rename. */
const NEW = /^\.new-(\d+)_(\d+)-(.+)$/;

/** The state folder: one folder a compartment, its record inside. */
export class Store {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The folder of a compartment. */
  folder(name: string): string {
    return `${this.root}/compartments/${name}`;
  }

  /**
   * Takes a name: the folder appears together with its record, or not at all.
   * @throws ERR_COMPART_EXISTS if the name is taken, ERR_COMPART_STATE if the folder cannot be written
   */
  claim(record: CompartmentRecord, claimer: ProcessIdentity): void {
    makePrivateDir(`${this.root}/compartments`);
    this.#refuseForeign();
    const prepared = this.folder(`.new-${claimer.pid}_${claimer.startTime}-${record.name}`);
    try {
      mkdirSync(prepared, { mode: 0o700 });
    } catch (error) {
      throw stateError('make', prepared, error);
    }
    try {
      writeJson(`${prepared}/${RECORD}`, record);
      renameSync(prepared, this.folder(record.name));
    } catch (error) {
      removeUnfinished(prepared);
      if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw nameTaken(record.name);
      throw error instanceof CompartError ? error : stateError('make', this.folder(record.name), error);
    }
  }

  /** A folder in a place that others may write to could be theirs: then nothing in it can be trusted. */
  #refuseForeign(): void {
    const stat = statSync(this.root, { throwIfNoEntry: false });
    if (stat === undefined || (stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0)) return;
    throw new CompartError(
      'ERR_COMPART_STATE',
      `${this.root} belongs to uid ${stat.uid} or is writable by others`,
      {
        hint: 'COMPART_STATE names another folder for the state',
      },
    );
  }

  /**
   * @returns null if there is no compartment of this name
   * @throws ERR_COMPART_STATE if the record is damaged
   */
  read(name: string): CompartmentRecord | null {
    const value = this.#value(name);
    if (value === null || isRecord(value)) return value;
    throw this.damage(name, value instanceof SyntaxError ? value : undefined);
  }

  /** The same for a look at many: null also where it is damaged, or of another version. */
  readWhole(name: string): CompartmentRecord | null {
    this.#refuseForeign();
    const value = this.#value(name);
    return isRecord(value) ? value : null;
  }

  /** Changes whenever a record is written; null where there is none. */
  stampOf(name: string): string | null {
    if (!isName(name)) return null;
    const stat = statSync(`${this.folder(name)}/${RECORD}`, { throwIfNoEntry: false });
    return stat === undefined ? null : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
  }

  /** What stands in a record, whatever it is; null where there is none, a SyntaxError where it is no JSON. */
  #value(name: string): unknown {
    // No path to a record elsewhere: `../x` names no compartment.
    if (!isName(name)) return null;
    try {
      return readJson(`${this.folder(name)}/${RECORD}`);
    } catch (error) {
      if (error instanceof SyntaxError) return error;
      throw error;
    }
  }

  /** What the folder of this name holds. @throws ERR_COMPART_STATE if it cannot be read */
  condition(name: string): RecordCondition {
    this.#refuseForeign();
    const value = this.#value(name);
    if (value === null) return 'missing';
    if (isRecord(value)) return 'whole';
    return isOfOtherVersion(value) ? 'other-version' : 'damaged';
  }

  /** The error for a folder whose record is not whole. */
  damage(name: string, cause?: SyntaxError): CompartError {
    const path = `${this.folder(name)}/${RECORD}`;
    return new CompartError('ERR_COMPART_STATE', `the record of "${name}" is damaged: ${path}`, {
      cause,
      hint: `compart rm --force ${name} ends its processes and removes it`,
    });
  }

  /** @throws ERR_COMPART_NOT_FOUND */
  get(name: string): CompartmentRecord {
    this.#refuseForeign();
    const record = this.read(name);
    if (record !== null) return record;
    throw new CompartError('ERR_COMPART_NOT_FOUND', `no compartment named "${name}"`, {
      hint: 'compart ps lists those that exist',
    });
  }

  /** Replaces the record of a compartment that has been claimed. */
  save(record: CompartmentRecord): void {
    writeJson(`${this.folder(record.name)}/${RECORD}`, record);
  }

  /** Notes that --timeout ended the command: a file of its own, so that no record is written by two. */
  markTimedOut(name: string): void {
    const path = `${this.folder(name)}/timed-out`;
    try {
      writeFileSync(path, '', { mode: 0o600 });
    } catch (error) {
      throw stateError('write', path, error);
    }
  }

  hasTimedOut(name: string): boolean {
    return existsSync(`${this.folder(name)}/timed-out`);
  }

  /** Forgets a compartment; its groups must be gone. What is left half-way, a folder without a record, is nobody's. */
  drop(name: string): void {
    if (!isEntry(name)) throw new CompartError('ERR_COMPART_INTERNAL', `"${name}" is no folder of the state`);
    this.discard(this.folder(name));
  }

  /**
   * Deletes a folder of this store, its record first. The moment it is empty the name may be taken again, so
   * what stands in it then is left alone.
   */
  discard(folder: string): void {
    try {
      unlinkSync(`${folder}/${RECORD}`);
    } catch (error) {
      if (!GONE.has(errnoOf(error) ?? '')) throw stateError('remove', folder, error);
    }
    try {
      for (const file of readdirSync(folder).filter((name) => name !== RECORD))
        removeEntry(`${folder}/${file}`);
      rmdirSync(folder);
    } catch (error) {
      if (errnoOf(error) === 'ENOTDIR') rmSync(folder, { force: true });
      else if (!GONE.has(errnoOf(error) ?? '')) throw stateError('remove', folder, error);
    }
  }

  /** Names of all compartments, sorted. */
  names(): string[] {
    return this.#entries()
      .filter((name) => !name.startsWith('.'))
      .sort();
  }

  /** Folders that were being prepared when their process may have died. */
  unfinished(): Array<{ folder: string; name: string; claimer: ProcessIdentity }> {
    return this.#entries().flatMap((entry) => {
      const match = NEW.exec(entry);
      if (match?.[3] === undefined) return [];
      const claimer = { pid: Number(match[1]), startTime: Number(match[2]) };
      return [{ folder: this.folder(entry), name: match[3], claimer }];
    });
  }

  /** Is there a folder of this name, with or without a record? No path leads out of the state: `..` has none. */
  hasFolder(name: string): boolean {
    return isEntry(name) && existsSync(this.folder(name));
  }

  /** No compartment, and nothing half-made. */
  isEmpty(): boolean {
    return this.#entries().length === 0;
  }

  #entries(): string[] {
    this.#refuseForeign();
    try {
      return readdirSync(`${this.root}/compartments`);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw stateError('read', `${this.root}/compartments`, error);
    }
  }
}

/** May it be an entry of the folder of compartments, though perhaps none that compart made? */
const isEntry = (name: string): boolean => /^[^./][^/]*$/.test(name);

/** Almost always a file, and then rmSync would take Node half a millisecond more. */
function removeEntry(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    rmSync(path, { recursive: true, force: true });
  }
}

export function nameTaken(name: string): CompartError {
  return new CompartError('ERR_COMPART_EXISTS', `a compartment named "${name}" exists already`, {
    hint: `choose another --name, or remove it: compart rm --force ${name}`,
  });
}
