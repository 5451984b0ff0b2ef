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

/** Has a compartment what only one that runs has? */
export const isStopped = ({ state }: Snapshot): boolean => state === 'exited' || state === 'failed';

/** Is a row of the table shown at this level? */
export const isShown = ({ level }: Family<never>, asked: Level): boolean =>
  asked === 'full' || level === 'core';

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
  /** By id: `name{labels} ` of each series, in the order of the table. */
  #prefixes = new Map<string, readonly string[]>();
  readonly #allowed: AllowedLabels;

  constructor(allowed: AllowedLabels) {
    this.#allowed = allowed;
  }

  /** Without the `# EOF` of OpenMetrics, so that more can follow. */
  async write(host: HostSnapshot & { level: Level }, format: Format, pace: Pace): Promise<string> {
    const compartments = seenOf(host, this.#allowed);
    const prefixes = compartments.map(({ record }) => this.#prefixesOf(record.id, record.name));
    this.#prefixes = new Map(compartments.map(({ record }, index) => [record.id, prefixes[index] ?? []]));
    const parts: string[] = [];
    let first = 0;
    for (const family of OF_COMPARTMENTS) {
      let samples = '';
      for (const [index, seen] of isShown(family, host.level) ? compartments.entries() : []) {
        if (family.live && isStopped(seen)) continue;
        samples += this.#samples(family, seen, prefixes[index] ?? [], first);
        if (index % 64 === 63 && pace.isDue()) await pace.rest();
      }
      first += family.series.length;
      if (samples !== '') parts.push(HEADS.get(family.name)?.[format] ?? '', samples);
    }
    return parts.join('') + hostText(host, format);
  }

  #samples(family: Family<Seen>, seen: Seen, prefixes: readonly string[], first: number): string {
    if (family.facts !== null) {
      const facts = family.facts(seen);
      if (Object.keys(facts).length === 0) return '';
      return `${family.name}${labelText({ compartment: seen.record.name, ...facts })} 1\n`;
    }
    let text = '';
    for (let index = 0; index < family.series.length; index += 1) {
      const value = family.series[index]?.value(seen);
      if (value !== null && value !== undefined)
        text += `${prefixes[first + index] ?? ''}${numberText(value)}\n`;
    }
    return text;
  }

  #prefixesOf(id: string, compartment: string): readonly string[] {
    return (
      this.#prefixes.get(id) ??
      OF_COMPARTMENTS.flatMap(({ name, series }) =>
        series.map(({ labels }) => `${name}${labelText({ compartment, ...labels })} `),
      )
    );
  }
}

function hostText(host: HostSnapshot, format: Format): string {
  return OF_HOST.map((family) => {
    const facts = family.facts?.(host);
    const samples =
      facts === undefined
        ? family.series.flatMap(({ labels, value }) => {
            const number = value(host);
            if (number === null || number === undefined) return [];
            return [`${family.name}${labelText(labels)} ${numberText(number)}\n`];
          })
        : [`${family.name}${labelText(facts)} 1\n`];
    return samples.length === 0 ? '' : (HEADS.get(family.name)?.[format] ?? '') + samples.join('');
  }).join('');
}
