import { diff, redraw } from './diff.js';

/** The other screen, no cursor, no wrapping of long lines; and back (xterm's control sequences). */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?2026l\u001b[m\u001b[?7h\u001b[?25h\u001b[?1049l';

/** What a screen is drawn with: a terminal, and the keyboard that belongs to it. */
export interface Device {
  write: (text: string) => void;
  raw: (on: boolean) => void;
}

/** The terminal while it is ours: lines go onto it, and only those that differ. */
export class Screen {
  readonly #device: Device;
  #shown: readonly string[] = [];
  #open = false;
  #stale = true;

  constructor(device: Device) {
    this.#device = device;
  }

  open(): void {
    if (this.#open) return;
    this.#device.raw(true);
    this.#open = true;
    this.#stale = true;
    this.#device.write(ENTER);
  }

  /** Everything as it was. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.#device.write(LEAVE);
    } finally {
      this.#device.raw(false);
    }
  }

  /** What is on it is not known any more: the next frame is drawn whole. */
  spoiled(): void {
    this.#stale = true;
  }

  show(lines: readonly string[]): void {
    if (!this.#open) return;
    const text = this.#stale ? redraw(lines) : diff(this.#shown, lines);
    this.#stale = false;
    this.#shown = lines;
    if (text !== '') this.#device.write(text);
  }
}
