/** The few text formats of cgroup files (Documentation/admin-guide/cgroup-v2.rst, "Format"). */

/** v1's "no limit": the highest page-aligned value of a signed 64-bit counter; anything near it is none. */
const V1_UNLIMITED = 2 ** 62;

/** A single number; null for an absent file, `max` and what v1 writes for it. */
export function numberIn(text: string | null): number | null {
  if (text === null || text.trim() === '' || text.trim() === 'max') return null;
  const value = Number(text.trim());
  return Number.isFinite(value) && value >= 0 && value < V1_UNLIMITED ? value : null;
}

/** A limit where it is told apart from a file that is not there: `Infinity` for none set, null for no file. */
export function ceilingIn(text: string | null): number | null {
  return text === null || text.trim() === '' ? null : (numberIn(text) ?? Infinity);
}

/** A flat keyed file: `key value` lines. */
export function keyed(text: string | null): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text?.split('\n') ?? []) {
    const [key, value] = line.split(/[ \t]+/);
    const number = value === undefined || value === '' ? Number.NaN : Number(value);
    if (key !== undefined && Number.isFinite(number) && number >= 0) values.set(key, number);
  }
  return values;
}

/** Total microseconds of a line (`some`, `full`) of a pressure file; null where PSI is absent. */
export function pressureUs(text: string | null, line: 'some' | 'full'): number | null {
  const match = new RegExp(`^${line} .*total=(\\d+)`, 'm').exec(text ?? '');
  return match ? Number(match[1]) : null;
}

/** Nanoseconds to whole microseconds. */
export function nsToUs(ns: number | null | undefined): number | null {
  return ns === null || ns === undefined ? null : Math.round(ns / 1000);
}

/** A value of a keyed file, null where it is absent. */
export function pick(values: Map<string, number>, key: string): number | null {
  return values.get(key) ?? null;
}

/** The difference of two counters that a kernel reports one within the other. */
export function less(whole: number | null, part: number | null): number | null {
  return whole === null || part === null ? null : Math.max(0, whole - part);
}

/** `max` for unlimited, as v2 writes it. */
export function orMax(value: number | null): string {
  return value === null ? 'max' : String(value);
}
