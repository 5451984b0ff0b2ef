/** What is not known, or not limited. */
export const NONE = '-';

type Known = number | null | undefined;

/** A percentage in four cells or five: `0.4`, `98.7`, `100`, `1600`. */
export function percent(value: Known): string {
  if (value === null || value === undefined) return NONE;
  return value < 99.95 ? value.toFixed(1) : String(Math.round(value));
}

/** Three digits and a unit, in five cells at most: `512M`, `1.5G`, `1000k`. */
function scaled(value: number, step: number, units: readonly string[]): string {
  let rest = value;
  let unit = 0;
  while (rest >= step - 0.5 && unit < units.length - 1) {
    rest /= step;
    unit += 1;
  }
  const digits = unit === 0 || rest >= 9.95 || Number.isInteger(rest) ? rest.toFixed(0) : rest.toFixed(1);
  return `${digits}${units[unit] ?? ''}`;
}

/** Bytes in powers of 1024: `512M`. */
export const size = (value: Known): string =>
  value === null || value === undefined ? NONE : scaled(value, 1024, ['B', 'K', 'M', 'G', 'T', 'P']);

/** Bits in powers of 1000, as tc(8) counts: `9.8Mb`. */
export const bits = (value: Known): string =>
  value === null || value === undefined ? NONE : scaled(value, 1000, ['b', 'kb', 'Mb', 'Gb', 'Tb']);

/** A count in four cells: `9999`, `10k`. */
export function count(value: Known): string {
  if (value === null || value === undefined) return NONE;
  return value < 10_000 ? String(value) : scaled(value, 1000, ['', 'k', 'M', 'G']);
}

/** Time that was used or waited, from microseconds: `12ms`, `4.2s`, `7m`, `3h`. */
export function span(us: Known): string {
  if (us === null || us === undefined) return NONE;
  if (us < 999_500) return `${Math.round(us / 1000)}ms`;
  const seconds = us / 1e6;
  if (seconds < 60) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.floor(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return `${Math.floor(seconds / 3600)}h`;
}

/** How much of a limit is used, in percent; null without one. */
export function shareOf(value: Known, limit: Known): number | null {
  if (value === null || value === undefined || limit === null || limit === undefined || limit <= 0)
    return null;
  return (value / limit) * 100;
}
