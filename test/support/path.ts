import { chmodSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { pathOf } from './requires.js';

/** @returns a new folder below `dir`, for a PATH, with a link of each name to a file; `node` is the one that runs this */
function linked(dir: string, names: readonly string[], fileOf: (name: string) => string | null): string {
  const path = `${dir}/path`;
  mkdirSync(path);
  // For another user too.
  chmodSync(path, 0o755);
  for (const name of new Set(names)) {
    const file = name === 'node' ? process.execPath : fileOf(name);
    if (file !== null) symlinkSync(file, `${path}/${name}`);
  }
  return path;
}

/** A PATH with these programs alone, as far as they are there. */
export const pathWith = (dir: string, ...programs: string[]): string => linked(dir, programs, pathOf);

/** A PATH with Node and all of /usr/bin but these programs. */
export const pathWithout = (dir: string, ...hidden: string[]): string =>
  linked(
    dir,
    ['node', ...readdirSync('/usr/bin')].filter((name) => !hidden.includes(name)),
    (name) => `/usr/bin/${name}`,
  );
