import { usageError } from '../../shared/errors.js';
import type { LiveMember } from '../../metrics/live/member.js';
import { SORTABLE, type Column } from './columns.js';

export interface Order {
  column: Column;
  /** The other way round than is usual for the column. */
  reversed: boolean;
}

const COMMON = 'cpu';

/** The column called so, or by its title; that of CPU without a name. @throws ERR_COMPART_USAGE */
export function columnNamed(text: string | null): Column {
  const wanted = (text ?? COMMON).trim().toLowerCase();
  const column =
    SORTABLE.find(({ key }) => key === wanted) ??
    SORTABLE.find(({ title }) => title.toLowerCase() === wanted && wanted !== 'lim');
  if (column !== undefined) return column;
  throw usageError(
    `--sort: "${text ?? ''}" is no column`,
    `accepted: ${SORTABLE.map(({ key }) => key).join(', ')}`,
  );
}

function compare(a: number | string | null, b: number | string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return b - a;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

/** In order; equal ones by name, those of which nothing is known last. */
export function sorted(members: readonly LiveMember[], { column, reversed }: Order): LiveMember[] {
  const sign = reversed ? -1 : 1;
  return members
    .map((member) => ({ member, key: column.order(member), name: member.record.name }))
    .sort((a, b) => {
      const known = a.key !== null && b.key !== null;
      return (known ? sign : 1) * compare(a.key, b.key) || compare(a.name, b.name);
    })
    .map(({ member }) => member);
}

/** The neighbour of a column among those that are shown, or the first of them. */
export function neighbour(column: Column, shown: readonly Column[], step: 1 | -1): Column {
  const at = shown.findIndex(({ key }) => key === column.key);
  return shown[(at + step + shown.length) % shown.length] ?? column;
}
