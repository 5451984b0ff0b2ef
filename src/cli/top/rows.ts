import type { LiveMember } from '../../metrics/live/member.js';
import type { Column } from './columns.js';
import type { Order } from './sort.js';
import type { Style } from './style.js';
import { fit } from './text.js';

/** From here on a usage is near its limit. */
const NEAR_PERCENT = 90;

/** The titles, the one that rows are ordered by set off. */
export function headerLine(columns: readonly Column[], order: Order | null, style: Style): string {
  return columns
    .map(({ key, title, width, right }) => {
      const cell = fit(title, width, right);
      return key === order?.column.key ? style.strong(cell) : cell;
    })
    .join(' ');
}

/** One compartment. */
export function rowLine(member: LiveMember, columns: readonly Column[], style: Style): string {
  return columns
    .map(({ width, right, show, fullness }) => {
      const cell = fit(show(member), width, right);
      return (fullness?.(member) ?? 0) > NEAR_PERCENT ? style.alarm(cell) : cell;
    })
    .join(' ');
}
