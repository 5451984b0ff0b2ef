import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '../../host/host.js';
import type { Interest } from '../../metrics/live/fleet.js';
import { LiveFleet } from '../../metrics/live/fleet.js';
import type { LiveMember } from '../../metrics/live/member.js';
import { kindsFor, type Column } from './columns.js';
import type { Question } from './confirm.js';
import { carryOut } from './deeds.js';
import { passes } from './filter.js';
import { frame, OTHER_LINES } from './frame.js';
import type { Key } from './keys.js';
import { columnsFor } from './layout.js';
import type { Screen } from './screen.js';
import { sorted } from './sort.js';
import type { Style } from './style.js';
import { press, scrolled, type View } from './view.js';

/** Rows that have just come into view are read at once, but not more often. */
const SOONEST_MS = 100;
const AT_FIRST_MS = 250;

export interface SessionOptions {
  host: Host;
  screen: Screen;
  /** Columns and lines of the terminal as it is now. */
  size: () => [columns: number, lines: number];
  style: Style;
  intervalMs: number;
  view: View;
  /** Only these compartments; all if there is none. */
  names: ReadonlySet<string>;
  /** Stops compart until it is continued. */
  suspend: () => void;
}

/** The live view: what it shows follows from the compartments and the view; keys change the view. */
export class Session {
  readonly #options: SessionOptions;
  readonly #fleet: LiveFleet;
  readonly #end = new AbortController();
  #view: View;
  #rows: readonly LiveMember[] = [];
  #columns: readonly Column[] = [];
  #wake = new AbortController();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#view = options.view;
    this.#fleet = new LiveFleet(options.host);
  }

  /** Goes on until {@link end}. @throws what reading the state folder does */
  async run(): Promise<void> {
    for (let turn = 0; !this.#end.signal.aborted; turn += 1) {
      const started = performance.now();
      await this.#fleet.pass(this.#interest(turn));
      this.draw();
      const every = turn === 0 ? Math.min(AT_FIRST_MS, this.#options.intervalMs) : this.#options.intervalMs;
      await this.#rest(started, every);
    }
  }

  end(): void {
    this.#end.abort();
    this.#wake.abort();
  }

  pressed(key: Key): void {
    const [, height] = this.#options.size();
    const scene = { rows: this.#rows, page: Math.max(1, height - OTHER_LINES), columns: this.#columns };
    const { view, wish } = press(this.#view, key, scene);
    const readAnew = view.above !== this.#view.above || view.order !== this.#view.order;
    this.#view = view;
    if (wish === 'quit') return this.end();
    if (wish === 'suspend') return this.#options.suspend();
    if (wish === 'redraw') this.#options.screen.spoiled();
    else if (wish !== null) void this.#carryOut(wish);
    this.draw();
    if (readAnew) this.#wake.abort();
  }

  /** Puts what is known on the screen. */
  draw(): void {
    if (this.#end.signal.aborted) return;
    const { size, style, screen } = this.#options;
    const [width, height] = size();
    const now = performance.now();
    this.#arrange(width, height);
    const { damaged } = this.#fleet;
    const view = this.#view;
    const picture = { view, rows: this.#rows, all: this.#wanted().length, damaged: damaged.length };
    screen.show(frame({ ...picture, columns: this.#columns, width, height, now, style }));
  }

  #wanted(): LiveMember[] {
    const { names } = this.#options;
    const members = [...this.#fleet.members.values()];
    return names.size === 0 ? members : members.filter(({ record }) => names.has(record.name));
  }

  #arrange(width: number, height: number): void {
    const passing = this.#wanted().filter(({ record }) => passes(record, this.#view.filter));
    this.#rows = sorted(passing, this.#view.order);
    const longest = Math.max(0, ...passing.map(({ record }) => record.name.length));
    this.#columns = columnsFor(width, longest);
    const { selected } = this.#view;
    if (selected !== null && !this.#rows.some(({ record }) => record.id === selected))
      this.#view = { ...this.#view, selected: null, ...(this.#view.mode === 'detail' && { mode: 'table' }) };
    const page = Math.max(1, height - OTHER_LINES);
    this.#view = { ...this.#view, above: scrolled(this.#view, { rows: this.#rows, page }) };
  }

  /** The rows on the screen, and one screen beyond; of the others what they are ordered by. */
  #interest(turn: number): Interest | null {
    if (turn < 2) return null;
    const [, height] = this.#options.size();
    const shown = this.#rows.slice(this.#view.above, this.#view.above + height);
    const ids = new Set(shown.map(({ record }) => record.id));
    if (this.#view.selected !== null) ids.add(this.#view.selected);
    return { ids, kinds: kindsFor(this.#view.order.column) };
  }

  async #carryOut(question: Question): Promise<void> {
    const message = await carryOut(this.#options.host, question);
    this.#fleet.touched(question.id);
    this.#view = { ...this.#view, message };
    this.draw();
    this.#wake.abort();
  }

  async #rest(started: number, every: number): Promise<void> {
    const left = (least: number): number => Math.max(0, least - (performance.now() - started));
    this.#wake = new AbortController();
    const { signal } = this.#wake;
    if (this.#end.signal.aborted) return;
    await delay(left(every), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) await delay(left(Math.min(SOONEST_MS, every)));
  }
}
