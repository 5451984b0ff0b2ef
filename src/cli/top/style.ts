/** How lines are set off, by "Select Graphic Rendition" (console_codes(4)). */
export interface Style {
  /** Near a limit. */
  alarm: (text: string) => string;
  /** Bold. */
  strong: (text: string) => string;
  /** Swapped colours: the header, and the row that keys are for. */
  bar: (text: string) => string;
}

const set = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`;
const strong = set(1, 22);
const bar = set(7, 27);

/** @param colour false under NO_COLOR (no-color.org), which speaks of colours alone */
export const styleFor = (colour: boolean): Style => ({
  alarm: colour ? set(31, 39) : strong,
  strong,
  bar,
});

/** No style at all, for what is no terminal. */
export const PLAIN: Style = { alarm: (text) => text, strong: (text) => text, bar: (text) => text };
