import { byId, make, setAttribute, setText } from './elements.js';
import type { Fleet } from './fleet.js';
import { UsageMeter } from './meter.js';
import { arrange, isEmpty, isIdle, rowOf, type Order, type Row, type RowKey, type Usage } from './row.js';

interface ColumnTitle {
  key: RowKey;
  title: string;
  /** Numbers: aligned on the right, the greatest first when sorted. */
  numeric?: boolean;
}

const COLUMNS: readonly ColumnTitle[] = [
  { key: 'name', title: 'Name' },
  { key: 'state', title: 'State' },
  { key: 'memory', title: 'Memory', numeric: true },
  { key: 'cpu', title: 'CPU', numeric: true },
  { key: 'throttled', title: 'Throttled', numeric: true },
  { key: 'download', title: 'Download', numeric: true },
  { key: 'upload', title: 'Upload', numeric: true },
  { key: 'tasks', title: 'Tasks', numeric: true },
  { key: 'uptime', title: 'Uptime', numeric: true },
  { key: 'command', title: 'Command' },
];

interface RowView {
  element: HTMLTableRowElement;
  button: HTMLButtonElement;
  show(row: Row): void;
}

const isUsage = (cell: string | Usage): cell is Usage => typeof cell !== 'string';

/** The table of all compartments: one row each, of which only what changes is written. */
export class Table {
  readonly #head = byId('table').querySelector('thead tr') as HTMLTableRowElement;
  readonly #body = byId('table').querySelector('tbody') as HTMLTableSectionElement;
  readonly #rows = new Map<string, RowView>();
  readonly #onSelect: (name: string) => void;
  readonly #onOrder: () => void;
  #order: Order = { column: 'name', descending: false };

  constructor(onSelect: (name: string) => void, onOrder: () => void) {
    this.#onSelect = onSelect;
    this.#onOrder = onOrder;
    for (const column of COLUMNS) this.#head.append(this.#makeHeader(column));
    this.#markOrder();
  }

  /** @returns how many are shown */
  show({ members, time }: Fleet, filter: string, selected: string | null): number {
    for (const [id, { element }] of this.#rows) {
      if (members.has(id)) continue;
      element.remove();
      this.#rows.delete(id);
    }
    const shown = arrange(members.values(), this.#order, filter);
    const views = shown.map((member) => {
      const { id, name } = member.listed;
      const view = this.#rows.get(id) ?? makeRow(name, () => this.#onSelect(name));
      this.#rows.set(id, view);
      view.show(rowOf(member, time));
      view.element.toggleAttribute('data-selected', name === selected);
      setAttribute(view.button, 'aria-expanded', String(name === selected));
      return view;
    });
    this.#place(views.map(({ element }) => element));
    return shown.length;
  }

  focusOn(name: string): void {
    const rows = [...this.#rows.values()];
    rows.find(({ button }) => button.textContent === name)?.button.focus();
  }

  /** Puts rows in order. While one has the focus none is moved: it would lose it, and slip from under a finger. */
  #place(wanted: readonly HTMLElement[]): void {
    const kept = new Set(wanted);
    for (const row of [...this.#body.children]) if (!kept.has(row as HTMLElement)) row.remove();
    const holds = this.#body.contains(document.activeElement);
    wanted.forEach((row, index) => {
      if (holds && row.isConnected) return;
      const there = this.#body.children[index] ?? null;
      if (there !== row) this.#body.insertBefore(row, there);
    });
  }

  #makeHeader({ key, title, numeric = false }: ColumnTitle): HTMLElement {
    const button = make('button', { type: 'button', text: title });
    button.addEventListener('click', () => {
      const again = this.#order.column === key;
      this.#order = { column: key, descending: again ? !this.#order.descending : numeric };
      this.#markOrder();
      this.#onOrder();
    });
    return make('th', { scope: 'col', role: 'columnheader', class: numeric ? `${key} number` : key }, button);
  }

  #markOrder(): void {
    const { column, descending } = this.#order;
    COLUMNS.forEach(({ key }, index) => {
      const header = this.#head.children[index];
      if (key === column) header?.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      else header?.removeAttribute('aria-sort');
    });
  }
}

function makeRow(name: string, onSelect: () => void): RowView {
  const button = make('button', { type: 'button', text: name, 'aria-controls': 'details' });
  button.addEventListener('click', onSelect);
  const kills = make('span', { class: 'kills' });
  const writers = COLUMNS.slice(1).map((column) => makeCell(column));
  const element = make(
    'tr',
    { role: 'row' },
    make(
      'th',
      { scope: 'row', role: 'rowheader', class: 'name' },
      make('div', { class: 'who' }, button, kills),
    ),
    ...writers.map(({ cell }) => cell),
  );
  // The whole row answers to the pointer; the keyboard has the button.
  element.addEventListener('click', (event) => {
    if (!(event.target as Element).closest('button')) onSelect();
  });
  const show = (row: Row): void => {
    setText(kills, row.kills);
    for (const { write } of writers) write(row);
  };
  return { element, button, show };
}

interface CellWriter {
  cell: HTMLTableCellElement;
  write: (row: Row) => void;
}

function makeCell({ key, title, numeric }: ColumnTitle): CellWriter {
  const cell = make('td', { role: 'cell', class: numeric ? `${key} number` : key, 'data-title': title });
  const meter = new UsageMeter(title);
  const write = (row: Row): void => {
    const value = row[key];
    cell.classList.toggle('idle', isIdle(value));
    cell.classList.toggle('empty', isEmpty(value));
    if (isUsage(value)) {
      if (!meter.element.isConnected) cell.append(meter.element);
      meter.show(value);
      return;
    }
    setText(cell, value);
    if (key === 'state') setAttribute(cell, 'data-state', value);
    if (key === 'command') setAttribute(cell, 'title', value);
  };
  return { cell, write };
}
