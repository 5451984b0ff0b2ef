/** Nothing of a synchronized update is shown before its end, where the terminal knows of that; others ignore it. */
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';

/** Puts one line where it belongs; erased first, as a full line leaves the cursor in its last cell. */
const put = (line: string, index: number): string => `\u001b[${index + 1};1H\u001b[m\u001b[2K${line}`;

/** What takes a terminal from the lines it shows to others: the lines that differ, nothing if none does. */
export function diff(before: readonly string[], after: readonly string[]): string {
  const lines = Math.max(before.length, after.length);
  let out = '';
  for (let index = 0; index < lines; index += 1) {
    const line = after[index] ?? '';
    if (line !== (before[index] ?? '')) out += put(line, index);
  }
  return out === '' ? '' : `${BEGIN}${out}\u001b[m${END}`;
}

/** What draws all of it on whatever was there. */
export const redraw = (lines: readonly string[]): string =>
  `${BEGIN}\u001b[m\u001b[2J${lines.map(put).join('')}\u001b[m${END}`;
