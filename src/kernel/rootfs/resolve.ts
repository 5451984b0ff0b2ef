import { lstatSync, readlinkSync } from 'node:fs';

/** As many links as the kernel follows (path_resolution(7)). */
const MOST_LINKS = 40;

function linkAt(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch {
    return null;
  }
}

/**
 * What a path of a root file system leads to, links followed as if that root were `/`: they do not lead out of it. What
 * is not there is left as it is written.
 * @param root absolute; `/` for the host's own
 * @returns absolute, below the root
 */
export function resolveIn(root: string, path: string): string {
  const base = root === '/' ? '' : root;
  const ahead = path.split('/');
  const done: string[] = [];
  for (let links = 0; ahead.length > 0;) {
    const name = ahead.shift() ?? '';
    if (name === '..') done.pop();
    if (name === '' || name === '.' || name === '..') continue;
    const link = links < MOST_LINKS ? linkAt(`${base}/${[...done, name].join('/')}`) : null;
    if (link === null) {
      done.push(name);
      continue;
    }
    links += 1;
    if (link.startsWith('/')) done.length = 0;
    ahead.unshift(...link.split('/'));
  }
  return `/${done.join('/')}`;
}
