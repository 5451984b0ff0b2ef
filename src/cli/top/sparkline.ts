const BARS = '▁▂▃▄▅▆▇█';

/** A value at a moment, in milliseconds; it stands for the time since the one before. */
export interface Point {
  at: number;
  value: number | null;
}

/** How long a point can stand for: nobody looks less often. */
const LONGEST_MS = 15_000;

/** What a second, or however long a cell is, saw: the first point after its start; null where there is none. */
export function cells(
  points: readonly Point[],
  now: number,
  count: number,
  cellMs: number,
): Array<number | null> {
  let next = 0;
  return Array.from({ length: count }, (_, index) => {
    const start = now - (count - index) * cellMs;
    while (next < points.length && (points[next]?.at ?? 0) <= start) next += 1;
    const point = points[next];
    const longest = next === 0 ? cellMs : LONGEST_MS;
    return point === undefined || point.at - start > longest ? null : point.value;
  });
}

/** A line of bars between 0 and `top`, which is at least the greatest value; a blank for what is not known. */
export function sparkline(values: ReadonlyArray<number | null>, top: number): string {
  return values
    .map((value) => {
      if (value === null) return ' ';
      const step = top > 0 ? Math.round((value / top) * (BARS.length - 1)) : 0;
      return BARS[Math.max(0, Math.min(BARS.length - 1, step))] ?? ' ';
    })
    .join('');
}
