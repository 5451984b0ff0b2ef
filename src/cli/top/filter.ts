import type { CompartmentRecord } from '../../state/record.js';

/**
 * Does a compartment pass? Every word must be in its name, or in one of its labels as `KEY=VALUE`; upper and lower case
 * are the same. No word lets all pass.
 */
export function passes(
  { name, labels }: Pick<CompartmentRecord, 'name' | 'labels'>,
  filter: string,
): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = [name, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)];
  return words.every((word) => texts.some((text) => text.toLowerCase().includes(word)));
}
