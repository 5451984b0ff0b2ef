import { usageError } from '../errors.js';

export const DURATION_ACCEPTED = '500ms, 30s, 5m, 1h30m';

const FACTORS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const DURATION = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/;
/** setTimeout(3) of Node and ppoll(2) with an int of milliseconds both end at about 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * @returns milliseconds, a whole number from 1 to 2^31-1
 * @throws ERR_COMPART_USAGE naming the text
 */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text.trim().toLowerCase());
  if (!match || text.trim() === '')
    throw usageError(`"${text}" is not a duration`, `accepted: ${DURATION_ACCEPTED}`);
  const [, d = 0, h = 0, m = 0, s = 0, ms = 0] = match;
  const total =
    Number(d) * FACTORS.d +
    Number(h) * FACTORS.h +
    Number(m) * FACTORS.m +
    Number(s) * FACTORS.s +
    Number(ms);
  const whole = Math.round(total);
  if (whole < 1) throw usageError(`"${text}" is no time at all`, `accepted: ${DURATION_ACCEPTED}`);
  if (whole > LONGEST_MS)
    throw usageError(`"${text}" is longer than 24 days`, `accepted: ${DURATION_ACCEPTED}`);
  return whole;
}

/** `5400000` as `1h30m`; {@link parseDuration} reads it back to the same number. */
export function formatDuration(ms: number): string {
  const parts: string[] = [];
  let rest = Math.round(ms);
  for (const [unit, factor] of Object.entries(FACTORS)) {
    const count = Math.floor(rest / factor);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * factor;
  }
  return parts.join('') || '0s';
}

/** A span in its largest unit, rounded down: `42s`, `7m`, `3h`, `2d`. */
export function largestUnit(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const) {
    if (seconds >= size) return `${Math.floor(seconds / size)}${unit}`;
  }
  return `${seconds}s`;
}
