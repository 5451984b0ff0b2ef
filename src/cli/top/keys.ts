/** A key that was pressed: its name, or the character that it types. */
export type Key =
  | { name: 'up' | 'down' | 'left' | 'right' | 'pageup' | 'pagedown' | 'home' | 'end' }
  | { name: 'enter' | 'escape' | 'backspace' | 'quit' | 'suspend' | 'erase' | 'redraw' }
  | { name: 'text'; text: string };

type Named = Exclude<Key, { name: 'text' }>['name'];

/** What terminals send, in both modes of their cursor keys (console_codes(4), terminfo of xterm and linux). */
const SEQUENCES: Readonly<Record<string, Named>> = {
  '[A': 'up',
  OA: 'up',
  '[B': 'down',
  OB: 'down',
  '[C': 'right',
  OC: 'right',
  '[D': 'left',
  OD: 'left',
  '[5~': 'pageup',
  '[6~': 'pagedown',
  '[H': 'home',
  OH: 'home',
  '[1~': 'home',
  '[7~': 'home',
  '[F': 'end',
  OF: 'end',
  '[4~': 'end',
  '[8~': 'end',
};

const CONTROLS: Readonly<Record<string, Named>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'quit',
  '\u001a': 'suspend',
  '\u0015': 'erase',
  '\u000c': 'redraw',
};

/** The keys in what a terminal in raw mode has sent; sequences that nobody waits for are dropped. */
export function keysIn(input: string): Key[] {
  const keys: Key[] = [];
  for (const [all, sequence] of input.matchAll(/\u001b(\[[0-9;]*[ -/]*[@-~]|O[A-Za-z])|[^]/gu)) {
    const name = sequence === undefined ? CONTROLS[all] : SEQUENCES[sequence];
    if (name !== undefined) keys.push({ name });
    else if (all === '\u001b') keys.push({ name: 'escape' });
    else if (sequence === undefined && !/\p{C}/u.test(all)) keys.push({ name: 'text', text: all });
  }
  return keys;
}
