import type { LiveMember } from '../../metrics/live/member.js';
import type { Column } from './columns.js';
import { isYes, questionFor, type Question } from './confirm.js';
import type { Key } from './keys.js';
import { columnNamed, neighbour, type Order } from './sort.js';

/** What is being looked at, and how. */
export interface View {
  mode: 'table' | 'detail' | 'help' | 'filter';
  order: Order;
  filter: string;
  /** The id of the row that keys are for; null for the first, whichever that is. */
  selected: string | null;
  /** How many rows are above the screen. */
  above: number;
  question: Question | null;
  /** How what was asked for went, until the next key. */
  message: string | null;
}

/** What is on the screen while a key is pressed. */
export interface Scene {
  /** All rows that the filter lets through, in order. */
  rows: readonly LiveMember[];
  /** How many of them fit. */
  page: number;
  columns: readonly Column[];
}

/** What a key asks of others than the view. */
export type Wish = 'quit' | 'suspend' | 'redraw' | Question;

export interface Pressed {
  view: View;
  wish: Wish | null;
}

/** Columns that have a letter of their own. */
const SORT_KEYS: Readonly<Record<string, string>> = {
  c: 'cpu',
  m: 'mem',
  n: 'name',
  p: 'pids',
  t: 'throttled',
};

export const firstView = (order: Order, filter: string): View => ({
  mode: 'table',
  order,
  filter,
  selected: null,
  above: 0,
  question: null,
  message: null,
});

/** Where the selected row is among the rows: the first if it is not there. */
export function selectedIndex({ selected }: View, rows: readonly LiveMember[]): number {
  return Math.max(
    0,
    rows.findIndex(({ record }) => record.id === selected),
  );
}

/** The row that keys are for. */
export const selectedOf = (view: View, rows: readonly LiveMember[]): LiveMember | null =>
  rows[selectedIndex(view, rows)] ?? null;

/** How many rows must be above the screen so that the selected one is on it. */
export function scrolled(view: View, { rows, page }: Pick<Scene, 'rows' | 'page'>): number {
  const index = selectedIndex(view, rows);
  const fitting = Math.max(0, Math.min(view.above, rows.length - page));
  return Math.max(index - page + 1, Math.min(fitting, index));
}

/** What a key changes. Pure. */
export function press(view: View, key: Key, scene: Scene): Pressed {
  if (key.name === 'quit') return { view, wish: 'quit' };
  if (key.name === 'suspend') return { view, wish: 'suspend' };
  if (key.name === 'redraw') return { view, wish: 'redraw' };
  const quiet = { ...view, message: null };
  if (view.question !== null)
    return { view: { ...quiet, question: null }, wish: isYes(key) ? view.question : null };
  if (view.mode === 'filter') return { view: typed(quiet, key), wish: null };
  if (key.name === 'text' && key.text === 'q' && view.mode === 'table') return { view, wish: 'quit' };
  if (view.mode === 'help') return { view: { ...quiet, mode: 'table' }, wish: null };
  return { view: commanded(quiet, key, scene), wish: null };
}

/** Keys of the line in which the filter is typed. */
function typed(view: View, key: Key): View {
  const first = { ...view, selected: null, above: 0 };
  if (key.name === 'text') return { ...first, filter: view.filter + key.text };
  if (key.name === 'backspace') return { ...first, filter: view.filter.replace(/.$/su, '') };
  if (key.name === 'erase') return { ...first, filter: '' };
  if (key.name === 'escape') return { ...first, filter: '', mode: 'table' };
  return key.name === 'enter' ? { ...view, mode: 'table' } : view;
}

/** Keys of the table, most of which do the same in the view of one compartment. */
function commanded(view: View, key: Key, scene: Scene): View {
  const detail = view.mode === 'detail';
  if (key.name === 'escape') return detail ? { ...view, mode: 'table' } : { ...view, filter: '' };
  if (key.name === 'enter') {
    const chosen = selectedOf(view, scene.rows);
    if (detail) return { ...view, mode: 'table' };
    return chosen === null ? view : { ...view, mode: 'detail', selected: chosen.record.id };
  }
  const moved = movedBy(view, key, scene);
  if (moved !== null) return moved;
  if (key.name === 'left' || key.name === 'right')
    return ordered(view, neighbour(view.order.column, scene.columns, key.name === 'left' ? -1 : 1));
  return key.name === 'text' ? lettered(view, key.text, scene) : view;
}

function lettered(view: View, text: string, scene: Scene): View {
  const chosen = selectedOf(view, scene.rows);
  const question = chosen === null ? null : questionFor(text, chosen);
  if (question !== null) return { ...view, question };
  if (text === '?' || text === 'h') return { ...view, mode: 'help' };
  if (view.mode === 'detail') return text === 'q' ? { ...view, mode: 'table' } : view;
  if (text === '/') return { ...view, mode: 'filter' };
  if (text === 'r') return { ...view, order: { ...view.order, reversed: !view.order.reversed } };
  if (text === '<' || text === '>')
    return ordered(view, neighbour(view.order.column, scene.columns, text === '<' ? -1 : 1));
  const column = Object.hasOwn(SORT_KEYS, text) ? SORT_KEYS[text] : undefined;
  return column === undefined ? view : ordered(view, columnNamed(column));
}

const ordered = (view: View, column: Column): View => ({ ...view, order: { column, reversed: false } });

/** Keys that lead to another row, or null. */
function movedBy(view: View, key: Key, scene: Scene): View | null {
  const word = key.name === 'text' ? ({ j: 'down', k: 'up' } as Record<string, string>)[key.text] : key.name;
  const page = Math.max(1, scene.page - 1);
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    down: 1,
    pageup: -page,
    pagedown: page,
    home: -Infinity,
    end: Infinity,
  };
  const step = word === undefined || !Object.hasOwn(steps, word) ? undefined : steps[word];
  if (step === undefined) return null;
  const index = Math.max(0, Math.min(scene.rows.length - 1, selectedIndex(view, scene.rows) + step));
  const next = { ...view, selected: scene.rows[index]?.record.id ?? null };
  return { ...next, above: scrolled(next, scene) };
}
