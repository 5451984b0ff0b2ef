import { largestUnit } from '../shared/units/duration.js';

/** Aligned columns; the last one is not padded. Numbers line up on the right. */
export function table(
  header: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
  right: ReadonlySet<string> = new Set(),
): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        if (right.has(header[column] ?? '')) return cell.padStart(width);
        return column === cells.length - 1 ? cell : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [header, ...rows].map((row) => `${line(row)}\n`).join('');
}

/** `-` for what is not known or not limited. */
export function orDash<T>(value: T | null | undefined, show: (value: T) => string = String): string {
  return value === null || value === undefined ? '-' : show(value);
}

/** A command on one line, cut, with control characters replaced. */
export function commandLine(command: readonly string[] | null, width: number): string {
  const text = (command ?? []).join(' ').replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** Time since `ms` in its largest unit: `42s`, `7m`, `3h`, `2d`. */
export function ago(ms: number): string {
  return largestUnit(Date.now() - ms);
}

/** Microseconds of CPU over a span, as a percentage of one CPU. */
export function percentOf(usageUs: number, spanMs: number): string {
  return spanMs <= 0 ? '-' : `${((usageUs / 1000 / spanMs) * 100).toFixed(1)}%`;
}
