import { usageError } from '../errors.js';

export const SIZE_ACCEPTED = '512M, 1.5G, 512MiB, 64k, 1048576, 25% (of the host) or max';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
};
const SIZE = /^(\d+(?:\.\d+)?|\.\d+)\s*([kmgtp]?)(?:i?b)?$/i;
const PERCENT = /^(\d+(?:\.\d+)?)%$/;

/**
 * Parses a size in powers of 1024. `max` is null (unlimited). A percentage is of `hostBytes()`, which is
 * asked only then.
 * @returns bytes, a whole number of at least 0
 * @throws ERR_COMPART_USAGE naming the text
 */
export function parseSize(text: string, hostBytes: () => number): number | null {
  const trimmed = text.trim();
  if (trimmed.toLowerCase() === 'max') return null;
  const percent = PERCENT.exec(trimmed);
  if (percent) {
    const share = Number(percent[1]);
    if (share > 100)
      throw usageError(`"${text}" is more than the host's memory`, `accepted: ${SIZE_ACCEPTED}`);
    return Math.floor((hostBytes() * share) / 100);
  }
  const match = SIZE.exec(trimmed);
  const factor = match ? FACTORS[(match[2] ?? '').toLowerCase()] : undefined;
  if (!match || factor === undefined)
    throw usageError(`"${text}" is not a size`, `accepted: ${SIZE_ACCEPTED}`);
  const bytes = Number(match[1]) * factor;
  if (!Number.isSafeInteger(Math.round(bytes))) {
    throw usageError(`"${text}" is too large a size`, `accepted: ${SIZE_ACCEPTED}`);
  }
  return Math.round(bytes);
}

const NAMES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `536870912` as `512 MiB`; at most one decimal, dropped when it is zero. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let step = 0;
  // From where it would be rounded to 1024 on, the next unit says it.
  while (value >= 1023.5 && step < NAMES.length - 1) {
    value /= 1024;
    step += 1;
  }
  const shown =
    step === 0 || Number.isInteger(value) || value >= 100 ? Math.round(value) : Number(value.toFixed(1));
  return `${shown} ${NAMES[step] ?? 'B'}`;
}

/** The shortest spelling that {@link parseSize} reads back to the same number: `512M`, `1536k`, `1000`. */
export function sizeFlag(bytes: number): string {
  for (const [suffix, factor] of [
    ['G', 2 ** 30],
    ['M', 2 ** 20],
    ['k', 2 ** 10],
  ] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${suffix}`;
  }
  return String(bytes);
}
