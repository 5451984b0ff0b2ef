/** What must not reach a terminal as it is: controls, halves of characters, what turns the direction of writing. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]+/gu;
const NOTHING_WIDE = /\p{M}/u;
/** The blocks whose characters take two cells (Unicode Standard Annex 11). */
const DOUBLE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** A text without anything that a terminal would obey; each run of it becomes a blank. */
export const harmless = (text: string): string => text.replace(UNPRINTABLE, ' ');

const cellsOf = (char: string): number => (NOTHING_WIDE.test(char) ? 0 : DOUBLE.test(char) ? 2 : 1);

/** How many cells of a terminal a text takes. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let cells = 0;
  for (const char of text) cells += cellsOf(char);
  return cells;
}

/** At most `width` cells of a text; where something is left out it ends in an ellipsis. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 0) return '';
  let kept = '';
  let cells = 1;
  for (const char of text) {
    cells += cellsOf(char);
    if (cells > width) break;
    kept += char;
  }
  return `${kept}…`;
}

/** A text in exactly `width` cells. */
export function fit(text: string, width: number, right = false): string {
  const shown = cut(text, width);
  const blank = ' '.repeat(Math.max(0, width - widthOf(shown)));
  return right ? blank + shown : shown + blank;
}
