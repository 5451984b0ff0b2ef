import type { Pace } from '../shared/pace.js';
import type { Format } from './accept.js';
import type { Family, Level } from './family.js';
import { userLabels, type AllowedLabels } from './labels.js';
import type { HostSnapshot, Snapshot } from './snapshot.js';
import { OF_COMPARTMENTS, OF_HOST } from './table.js';
import type { Seen } from './table-life.js';
import { headOf, labelText, numberText } from './text.js';

const HEADS = new Map<string, Readonly<Record<Format, string>>>(
  [...OF_COMPARTMENTS, ...OF_HOST].map((family) => [
    family.name,
    { text: headOf(family, 'text'), openmetrics: headOf(family, 'openmetrics') },
  ]),
);

/** Is a row of the table shown at this level? */
export function isShown({ level }: Family<never>, asked: Level): boolean {
  return asked === 'full' || level === 'core';
}

/** The rows for compartments at each level. */
const SHOWN: Readonly<Record<Level, ReadonlyArray<Family<Seen>>>> = {
  core: OF_COMPARTMENTS.filter((family) => isShown(family, 'core')),
  full: OF_COMPARTMENTS,
};

/** Has a compartment what only one that runs has? */
export const isStopped = ({ state }: Snapshot): boolean => state === 'exited' || state === 'failed';

/** What the table reads a compartment's metrics from. */
export function seenOf(host: HostSnapshot, allowed: AllowedLabels): Seen[] {
  const { hierarchy } = host;
  return host.compartments.map((snapshot) => ({
    ...snapshot,
    host: { hierarchy },
    userLabels: userLabels(snapshot.record.labels, allowed),
  }));
}

/** Writes scrapes as text, one pass over the table; what stands before each number is made once a compartment. */
export class Writer {
  /** By id: `name{labels} ` of each series of this level, in the order of the table. */
  #prefixes = new Map<string, readonly string[]>();
  #level: Level = 'full';
  readonly #allowed: AllowedLabels;

  constructor(allowed: AllowedLabels) {
    this.#allowed = allowed;
  }

  /** Without the `# EOF` of OpenMetrics, so that more can follow. */
  async write(host: HostSnapshot & { level: Level }, format: Format, pace: Pace): Promise<string> {
    await pace.rest();
    const compartments = seenOf(host, this.#allowed);
    const prefixes = await this.#allPrefixes(compartments, host.level, pace);
    const parts: string[] = [];
    let first = 0;
    for (const family of SHOWN[host.level]) {
      // Pieces that are joined at once: a string that grows is a tree, which lives long and is copied late.
      const pieces: string[] = [];
      for (const [index, seen] of compartments.entries()) {
        if (family.live && isStopped(seen)) continue;
        addSamples(pieces, family, seen, prefixes[index] ?? [], first);
        if (index % 64 === 63 && pace.isDue()) await pace.rest();
      }
      first += family.series.length;
      if (pieces.length > 0) parts.push(HEADS.get(family.name)?.[format] ?? '', pieces.join(''));
    }
    parts.push(hostText(host, format));
    return parts.join('');
  }

  /** In the order of `compartments`; those of others are forgotten. */
  async #allPrefixes(
    compartments: readonly Seen[],
    level: Level,
    pace: Pace,
  ): Promise<ReadonlyArray<readonly string[]>> {
    if (level !== this.#level) this.#prefixes.clear();
    this.#level = level;
    const all: Array<readonly string[]> = [];
    for (const { record } of compartments) {
      all.push(this.#prefixes.get(record.id) ?? prefixesOf(record.name, level));
      if (pace.isDue()) await pace.rest();
    }
    this.#prefixes = new Map(compartments.map(({ record }, index) => [record.id, all[index] ?? []]));
    return all;
  }
}

/** Joined, not added: what is added stays a tree, of five times the size. */
const prefixesOf = (compartment: string, level: Level): string[] =>
  SHOWN[level].flatMap(({ name, series }) =>
    series.map(({ labels }) => [name, labelText({ compartment, ...labels }), ' '].join('')),
  );

/** @param first where the prefixes of this family begin */
function addSamples(
  pieces: string[],
  family: Family<Seen>,
  seen: Seen,
  prefixes: readonly string[],
  first: number,
): void {
  if (family.facts !== null) {
    const facts = labelText({ compartment: seen.record.name, ...family.facts(seen) });
    // Only what it is called: nothing is known of it.
    if (facts.includes(',')) pieces.push(family.name, facts, ' 1\n');
    return;
  }
  for (let index = 0; index < family.series.length; index += 1) {
    const value = family.series[index]?.value(seen);
    if (value === null || value === undefined) continue;
    pieces.push(prefixes[first + index] ?? '', numberText(value), '\n');
  }
}

function hostText(host: HostSnapshot, format: Format): string {
  return OF_HOST.map((family) => {
    const facts = family.facts?.(host);
    const samples =
      facts === undefined
        ? family.series.flatMap(({ labels, value, suffix = '' }) => {
            const number = value(host);
            if (number === null || number === undefined) return [];
            return [`${family.name}${suffix}${labelText(labels)} ${numberText(number)}\n`];
          })
        : [`${family.name}${labelText(facts)} 1\n`];
    return samples.length === 0 ? '' : (HEADS.get(family.name)?.[format] ?? '') + samples.join('');
  }).join('');
}
