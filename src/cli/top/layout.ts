import { COLUMNS, COMMAND, MORE_COLUMNS, type Column } from './columns.js';

/** A name may take so much where there is room. */
const WIDEST_NAME = 30;

const taken = (columns: readonly Column[]): number =>
  columns.reduce((sum, { width }) => sum + width + 1, 0) - 1;

const widened = (columns: readonly Column[], key: string, width: number): Column[] =>
  columns.map((column) => (column.key === key ? { ...column, width } : column));

/**
 * The columns for a terminal of so many: never more than fit with a blank between two. Those of 80 are always the same;
 * below, the last ones are left out; above, there are more, the name has more room, and the command takes the rest.
 * @param longestName of those in the table
 */
export function columnsFor(width: number, longestName: number): Column[] {
  const columns: Column[] = [];
  for (const column of COLUMNS) if (taken([...columns, column]) <= width) columns.push(column);
  if (columns.length < COLUMNS.length) return columns.length === 0 ? COLUMNS.slice(0, 1) : columns;
  const [first, second, third, ...others] = MORE_COLUMNS;
  const wanted = [first, second, third].filter((column) => column !== undefined);
  let more: Column[] = [];
  for (const column of wanted) if (taken([...columns, ...more, column]) <= width) more = [...more, column];
  // The command before what few will look for.
  if (taken([...columns, ...more, COMMAND]) > width) return grown([...columns, ...more], width, longestName);
  for (const column of others)
    if (taken([...columns, ...more, column, { ...COMMAND, width: 24 }]) <= width) more = [...more, column];
  const named = grown([...columns, ...more], width - COMMAND.width - 1, longestName);
  return [...named, { ...COMMAND, width: width - taken(named) - 1 }];
}

/** Gives the name what is free, as far as it has use for it. */
function grown(columns: readonly Column[], width: number, longestName: number): Column[] {
  const now = COLUMNS[0]?.width ?? 0;
  const wanted = Math.max(now, Math.min(longestName, WIDEST_NAME));
  return widened(columns, 'name', Math.min(wanted, now + Math.max(0, width - taken(columns))));
}

/** The same columns, with room for the whole of every name: for a reader that has no width. */
export const uncut = (columns: readonly Column[], longestName: number): Column[] =>
  widened(columns, 'name', Math.max(COLUMNS[0]?.width ?? 0, longestName));
