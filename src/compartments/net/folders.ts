import { readdirSync, rmdirSync, rmSync } from 'node:fs';

/** Takes everything out of a folder but what is named. */
export function emptyFolder(folder: string, kept: readonly string[]): void {
  for (const name of readdirSync(folder))
    if (!kept.includes(name)) rmSync(`${folder}/${name}`, { recursive: true, force: true });
}

/** Takes away those that are empty, in this order. */
export function removeEmpty(folders: readonly string[]): void {
  for (const path of folders) {
    try {
      if (readdirSync(path).length === 0) rmdirSync(path);
    } catch {
      // Not there, or in use again.
    }
  }
}
