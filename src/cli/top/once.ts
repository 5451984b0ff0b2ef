import type { LiveMember } from '../../metrics/live/member.js';
import type { Column } from './columns.js';
import { headerLine, rowLine } from './rows.js';
import { PLAIN } from './style.js';

/** The table as plain text. */
export function tableText(rows: readonly LiveMember[], columns: readonly Column[]): string {
  const lines = [headerLine(columns, null, PLAIN), ...rows.map((member) => rowLine(member, columns, PLAIN))];
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
