import type { LiveMember } from '../../metrics/live/member.js';
import type { Column } from './columns.js';
import { questionText } from './confirm.js';
import { detailLines } from './detail.js';
import { HELP } from './help.js';
import { headerLine, rowLine } from './rows.js';
import type { Style } from './style.js';
import { cut, fit, harmless } from './text.js';
import { scrolled, selectedIndex, selectedOf, type View } from './view.js';

/** Of the screen these are no rows: the summary, the titles, the last line. */
export const OTHER_LINES = 3;

/** All that a frame shows. */
export interface Picture {
  view: View;
  /** Those that the filter lets through, in order. */
  rows: readonly LiveMember[];
  /** How many there are, and how many cannot be read. */
  all: number;
  damaged: number;
  columns: readonly Column[];
  width: number;
  height: number;
  /** Monotonic, in milliseconds. */
  now: number;
  style: Style;
}

const KEYS = 'Enter detail  / filter  < > order  f freeze  K kill  ? help  q quit';
const DETAIL_KEYS = 'Esc back  f freeze  K kill  ? help  Ctrl-C quit';

/** Said where there is nothing to show, and what to do about it. */
export const NO_COMPARTMENTS = 'There are no compartments. Start one:';
export const TO_START_ONE = 'compart run --mem 512M --cpu 50% -- make -j4';

const counted = (number: number, one: string): string => `${number} ${one}${number === 1 ? '' : 's'}`;

function summary({ view, rows, all, damaged }: Picture): string {
  const frozen = rows.filter(({ state }) => state === 'frozen').length;
  const { column, reversed } = view.order;
  return [
    `compart top: ${rows.length < all ? `${rows.length} of ` : ''}${counted(all, 'compartment')}`,
    ...(frozen > 0 ? [`${frozen} frozen`] : []),
    ...(damaged > 0 ? [`${damaged} damaged (compart ps)`] : []),
    `by ${column.key}${reversed ? ', reversed' : ''}`,
    ...(view.filter === '' ? [] : [`filter: ${harmless(view.filter)}`]),
  ].join(', ');
}

/** The last line: what is asked, what was answered, what can be pressed. */
function lastLine({ view, width, style }: Picture): string {
  if (view.question !== null) return style.bar(fit(questionText(view.question), width));
  if (view.mode === 'filter') return style.bar(fit(`/${harmless(view.filter)}_`, width));
  if (view.message !== null) return style.strong(cut(harmless(view.message), width));
  if (view.mode === 'help') return cut('any key goes back', width);
  return cut(view.mode === 'detail' ? DETAIL_KEYS : KEYS, width);
}

function nothing(all: number): string[] {
  if (all > 0) return ['No compartment passes the filter. Esc takes it away.'];
  return [NO_COMPARTMENTS, '', `    ${TO_START_ONE}`];
}

function tableLines(picture: Picture): string[] {
  const { view, rows, all, columns, width, height, style } = picture;
  const page = Math.max(1, height - OTHER_LINES);
  const above = scrolled(view, { rows, page });
  const selected = selectedIndex(view, rows);
  const shown = rows.slice(above, above + page);
  return [
    cut(summary(picture), width),
    style.bar(headerLine(columns, view.order, style)),
    ...shown.map((member, index) => {
      const isSelected = above + index === selected;
      const line = rowLine(member, columns, style);
      return isSelected ? style.bar(line) : line;
    }),
    ...(rows.length === 0 ? ['', ...nothing(all)].map((line) => cut(line, width)) : []),
  ];
}

/** The lines of the screen, as many as it has. Pure but for the time of day in uptimes. */
export function frame(picture: Picture): string[] {
  const { view, rows, width, height, now, style } = picture;
  const member = view.mode === 'detail' ? selectedOf(view, rows) : null;
  const body =
    view.mode === 'help'
      ? HELP.map((line) => cut(line, width))
      : member === null
        ? tableLines(picture)
        : detailLines(member, now, width, style);
  const above = body.slice(0, Math.max(0, height - 1));
  const blank = Array.from({ length: Math.max(0, height - 1 - above.length) }, () => '');
  return [...above, ...blank, lastLine(picture)];
}
