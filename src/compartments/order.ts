import { usageError } from '../shared/errors.js';
import type { FileEntry } from './file.js';

type Entry = Pick<FileEntry, 'name' | 'depends' | 'blame'>;

/**
 * Entries of a file after those that they depend on, else in the order of the file. Pure.
 * @throws ERR_COMPART_FILE for a name that is not in the file, and for those that depend on each other
 */
export function inOrder<E extends Entry>(entries: readonly E[]): E[] {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const ordered = new Set<E>();
  const visit = (entry: E, path: readonly string[]): void => {
    if (path.includes(entry.name))
      entry.blame(
        'depends',
        usageError(`${entry.name}.depends: ${[...path, entry.name].join(' -> ')} is a circle`, 'break it'),
      );
    for (const name of entry.depends) {
      const other = byName.get(name);
      if (other === undefined)
        entry.blame(
          'depends',
          usageError(
            `${entry.name}.depends: "${name}" is not in the file`,
            `there are: ${[...byName.keys()].join(', ')}`,
          ),
        );
      else if (!ordered.has(other)) visit(other, [...path, entry.name]);
    }
    ordered.add(entry);
  };
  for (const entry of entries) if (!ordered.has(entry)) visit(entry, []);
  return [...ordered];
}
