import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompartError, errnoOf, systemReason, usageError } from '../shared/errors.js';

/** One file of the copy: its path below the folder, and whether it was written or there already. */
export interface CopiedFile {
  file: string;
  written: boolean;
}

/** The folder dashboards/ of this installation: above the bundle when installed, in the source tree else. */
function shippedFolder(): string {
  const places = ['../../', '../../../'].map((up) =>
    fileURLToPath(new URL(`${up}dashboards`, import.meta.url)),
  );
  const found = places.find((path) => existsSync(join(path, 'overview.json')));
  if (found === undefined)
    throw new CompartError('ERR_COMPART_INTERNAL', `no dashboards in ${places[0] ?? ''}`, {
      hint: 'install compart anew: the folder dashboards is part of it',
    });
  return found;
}

/** Paths below the folder, of JSON and YAML alone: the source of the dashboards lies there in a source tree. */
function shippedFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(json|yml)$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** The text of a file, or null where there is none. */
function present(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): CompartError {
  return usageError(
    `--out: cannot write "${path}": ${systemReason(error)}`,
    'name a folder that can be written',
  );
}

/** Each folder by itself: the recursive mkdir of Node never returns where the system answers ENOENT, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  mkdirSync(path);
}

function put(path: string, text: string): void {
  try {
    makeFolder(dirname(path));
    writeFileSync(path, text);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * Copies dashboards, rules and provisioning into a folder, which is made if it is not there. Everything is looked at
 * before the first file is written; a file that is the same already is left alone.
 * @throws ERR_COMPART_EXISTS naming the files that differ, unless `force`
 * @throws ERR_COMPART_USAGE where the folder cannot be written
 */
export function copyShipped(out: string, force: boolean): CopiedFile[] {
  const from = shippedFolder();
  const files = shippedFiles(from).map((file) => {
    const text = readFileSync(join(from, file), 'utf8');
    return { file, text, old: present(join(out, file)) };
  });
  const differing = files.filter(({ text, old }) => old !== null && old !== text).map(({ file }) => file);
  if (differing.length > 0 && !force)
    throw new CompartError('ERR_COMPART_EXISTS', `${out} has files that differ: ${differing.join(', ')}`, {
      hint: '--force overwrites them; --out names another folder',
    });
  return files.map(({ file, text, old }) => {
    const written = old !== text;
    if (written) put(join(out, file), text);
    return { file, written };
  });
}
