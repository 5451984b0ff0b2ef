import { usageError } from '../errors.js';

export const BANDWIDTH_ACCEPTED = '10mbit, 1.5gbit, 500kbit, 9600bit, 2MB/s, 512KiB/s or max';
export const IO_RATE_ACCEPTED = '10MB/s, 512KiB/s, 80mbit or max';

const BITS = /^(\d+(?:\.\d+)?)([kmgt]?)bit$/;
const BYTES = /^(\d+(?:\.\d+)?)([kmgt]?)(i?)b\/s$/;
const AMBIGUOUS = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b(?:ps)?)?$/;
const SI: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const IEC: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Parses a rate: tc's bit units (SI), or bytes per second when written with `/s`. `max` is null.
 * @returns bits per second, a whole number above 0
 * @throws ERR_COMPART_USAGE; `10M` and `10Mbps` are refused as ambiguous with both spellings offered
 */
export function parseRate(text: string, accepted: string = BANDWIDTH_ACCEPTED): number | null {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === 'max') return null;
  const bits = BITS.exec(trimmed);
  const bytes = BYTES.exec(trimmed);
  let rate: number | null = null;
  if (bits) rate = Number(bits[1]) * (SI[bits[2] ?? ''] ?? Number.NaN);
  if (bytes) rate = Number(bytes[1]) * ((bytes[3] === 'i' ? IEC : SI)[bytes[2] ?? ''] ?? Number.NaN) * 8;
  if (rate === null) {
    const unclear = AMBIGUOUS.exec(trimmed);
    if (unclear) {
      const spelled = `${unclear[1]}${unclear[2]}bit`;
      const other = `${unclear[1]}${(unclear[2] ?? '').toUpperCase()}B/s`;
      throw usageError(
        `"${text}" is ambiguous`,
        `write ${spelled} for bits or ${other} for bytes per second`,
      );
    }
    throw usageError(`"${text}" is not a rate`, `accepted: ${accepted}`);
  }
  const whole = Math.round(rate);
  if (whole <= 0 || !Number.isSafeInteger(whole)) {
    throw usageError(`"${text}" is out of range for a rate`, `accepted: ${accepted}`);
  }
  return whole;
}

/** Bits per second as `--net` takes them: `10mbit`, SI. */
export function formatBitRate(rateBps: number): string {
  for (const [unit, factor] of [
    ['tbit', 1e12],
    ['gbit', 1e9],
    ['mbit', 1e6],
    ['kbit', 1e3],
  ] as const) {
    if (rateBps >= factor) return `${Number((rateBps / factor).toFixed(3))}${unit}`;
  }
  return `${rateBps}bit`;
}
