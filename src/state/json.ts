import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { TEXT } from '../host/kernfs.js';
import { CompartError, errnoOf, systemReason } from '../shared/errors.js';

/** The state error for a path, with the system's reason. */
export function stateError(action: string, path: string, error: unknown, hint?: string): CompartError {
  return new CompartError('ERR_COMPART_STATE', `cannot ${action} ${path}: ${systemReason(error)}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Makes a directory that only its owner may enter, with its parents. */
export function makePrivateDir(path: string): void {
  try {
    makeDirs(path, 0o700);
  } catch (error) {
    throw stateError('make', path, error, 'COMPART_STATE names another folder for the state');
  }
}

/** Of a parent that is there: a file system that makes no directories (procfs) says ENOENT even so. */
function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** Makes a directory with its parents. Not mkdir's own `recursive`: on a read-only file system that says ENOENT. */
export function makeDirs(path: string, mode: number): void {
  // Looked at first: to throw takes Node longer than all the rest of this.
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  try {
    mkdirSync(path, mode);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && dirname(path) !== path) {
      makeDirs(dirname(path), mode);
      makeOne(path, mode);
    } else if (errno !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}

/** Takes away what those who died while they wrote left in a folder. */
export function removeTorn(folder: string, proc: string): void {
  for (const name of namesIn(folder)) {
    const pid = /\.(\d+)\.tmp$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`${proc}/${pid}`)) rmSync(`${folder}/${name}`, { force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw stateError('read', folder, error);
  }
}

/** Writes a value for compart alone, as {@link replaceFile} does. */
export function writeJson(path: string, value: unknown): void {
  replaceFile(path, `${JSON.stringify(value)}\n`, 0o600);
}

/**
 * Replaces a file as a whole: whoever reads it meets the old text or the new, never half of one.
 * @param mode of the file, whatever the umask takes away
 * @throws ERR_COMPART_STATE
 */
export function replaceFile(path: string, text: string, mode: number): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode });
    if ((mode & 0o077) !== 0) chmodSync(temporary, mode);
    renameSync(temporary, path);
  } catch (error) {
    removeUnfinished(temporary);
    throw stateError('write', path, error);
  }
}

/** Takes away what could not be made whole. What stays is for {@link removeTorn}, or `gc`: why it was not made counts more. */
export function removeUnfinished(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The disk that could not be written to.
  }
}

/** The parsed file; null where there is none; a SyntaxError stays one, as only the caller knows what it means. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, TEXT)) as unknown;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    if (error instanceof SyntaxError) throw error;
    throw stateError('read', path, error);
  }
}
