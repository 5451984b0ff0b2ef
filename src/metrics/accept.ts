/** The two formats, and what they are called in a Content-Type. */
export const CONTENT_TYPES = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const;
export type Format = keyof typeof CONTENT_TYPES;

interface Offer {
  type: string;
  subtype: string;
  version: string;
}

const OFFERS: Readonly<Record<Format, Offer>> = {
  text: { type: 'text', subtype: 'plain', version: '0.0.4' },
  openmetrics: { type: 'application', subtype: 'openmetrics-text', version: '1.0.0' },
};

/** One media range of an Accept header (RFC 9110, 12.5.1). */
interface Range {
  type: string;
  subtype: string;
  version: string | null;
  q: number;
}

/** Parts between separators, which do not count within quotes. */
function split(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [''];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quoted && char === '\\') {
      parts.push((parts.pop() ?? '') + char + text.charAt((at += 1)));
      continue;
    }
    if (char === '"') quoted = !quoted;
    if (char === separator && !quoted) parts.push('');
    else parts.push((parts.pop() ?? '') + char);
  }
  return parts.map((part) => part.trim());
}

/** What is malformed accepts nothing: no quality is 0, no range is none. */
function rangeOf(text: string): Range | null {
  const [name = '', ...parameters] = split(text, ';');
  const [type, subtype, ...more] = name.toLowerCase().split('/');
  if (!type || !subtype || more.length > 0 || (type === '*' && subtype !== '*')) return null;
  const values = new Map<string, string>();
  for (const parameter of parameters) {
    const at = parameter.indexOf('=');
    const value = parameter.slice(at + 1).trim();
    if (at > 0) values.set(parameter.slice(0, at).trim().toLowerCase(), value.replace(/^"(.*)"$/s, '$1'));
  }
  const quality = values.get('q') ?? '1';
  const q = /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(quality) ? Number(quality) : 0;
  return { type, subtype, version: values.get('version') ?? null, q };
}

/** How exactly a range names an offer, from 1 for any type at all; 0 where it does not. */
function exactness(range: Range, offer: Offer): number {
  if (range.type === '*') return 1;
  if (range.type !== offer.type) return 0;
  if (range.subtype === '*') return 2;
  if (range.subtype !== offer.subtype) return 0;
  if (range.version === null) return 3;
  return range.version === offer.version ? 4 : 0;
}

/** The quality that the most exact range gives to an offer, and how exact that is. */
function rate(ranges: readonly Range[], offer: Offer): { q: number; exact: number } {
  let best = { q: 0, exact: 0 };
  for (const range of ranges) {
    const exact = exactness(range, offer);
    if (exact > best.exact || (exact > 0 && exact === best.exact && range.q > best.q))
      best = { q: range.q, exact };
  }
  return best;
}

/**
 * The format for an Accept header. The higher quality wins, then the one that is named more exactly, then text. Text is
 * also the answer to whoever accepts neither: a scraper that can read something is better off than one with a 406.
 * Pure.
 */
export function negotiate(accept: string | undefined): Format {
  if (accept === undefined || accept.trim() === '') return 'text';
  const ranges = split(accept, ',').flatMap((part) => rangeOf(part) ?? []);
  const text = rate(ranges, OFFERS.text);
  const openmetrics = rate(ranges, OFFERS.openmetrics);
  if (openmetrics.q !== text.q) return openmetrics.q > text.q ? 'openmetrics' : 'text';
  return openmetrics.q > 0 && openmetrics.exact > text.exact ? 'openmetrics' : 'text';
}
