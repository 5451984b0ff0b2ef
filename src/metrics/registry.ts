import type { Metric, Registry } from 'prom-client';
import { Host } from '../host/host.js';
import { Collector } from './collector.js';
import type { Family, Level } from './family.js';
import { allowLabels } from './labels.js';
import type { HostSnapshot } from './snapshot.js';
import type { Seen } from './table-life.js';
import { OF_COMPARTMENTS, OF_HOST } from './table.js';
import { isShown, isStopped, seenOf } from './writer.js';

/** What a registry is to show of compartments. */
export interface CollectorOptions {
  /** The host to read; the one that this process runs on if left out. */
  host?: Host;
  /** Null, or left out: `full` up to 300 compartments, `core` above. */
  level?: Level | null;
  /** Labels of compartments that `compart_labels` shows, at most 10. */
  labels?: readonly string[];
}

type Reading = HostSnapshot & { level: Level; seen: readonly Seen[] };

interface Sample {
  labels: Record<string, string>;
  value: number;
  /** As prom-client calls the parts of a histogram. */
  metricName?: string;
}

/**
 * Adds the compart_* families to a registry of prom-client 15, which then reads the host once with every scrape. The
 * library itself is not loaded from here: the caller has it. One registry serves one format, as it renames its counters.
 * @throws ERR_COMPART_USAGE for labels that cannot be shown; prom-client's own error where a name is taken
 */
export function registerCompartCollector(
  registry: Pick<Registry, 'registerMetric'>,
  options: CollectorOptions = {},
): void {
  const collector = new Collector(options.host ?? Host.current());
  const allowed = allowLabels(options.labels ?? []);
  const read = once(async () => {
    const reading = await collector.collect(options.level ?? null);
    return { ...reading, seen: seenOf(reading, allowed) };
  });
  for (const family of OF_COMPARTMENTS) {
    add(registry, family, async () => {
      const reading = await read();
      if (!isShown(family, reading.level)) return [];
      const shown = reading.seen.filter((seen) => !family.live || !isStopped(seen));
      return shown.flatMap((seen) =>
        samplesOf(family, seen).map(({ labels, value }) => ({
          labels: { compartment: seen.record.name, ...labels },
          value,
        })),
      );
    });
  }
  for (const family of OF_HOST) add(registry, family, async () => samplesOf(family, await read()));
}

/** All collectors of one scrape ask in the same turn, and get the same reading. */
function once(collect: () => Promise<Reading>): () => Promise<Reading> {
  let pending: Promise<Reading> | null = null;
  return () =>
    (pending ??= collect().finally(() => {
      pending = null;
    }));
}

function samplesOf<T>(family: Family<T>, from: T): Sample[] {
  if (family.facts !== null) {
    const labels = family.facts(from);
    return Object.keys(labels).length === 0 ? [] : [{ labels, value: 1 }];
  }
  return family.series.flatMap(({ labels, value, suffix }) => {
    const number = value(from);
    if (number === null || number === undefined) return [];
    const metricName = suffix === undefined ? {} : { metricName: `${family.name}${suffix}` };
    return [{ labels, value: number, ...metricName }];
  });
}

/** As much of a metric as a registry asks of one; it renames a counter where it serves OpenMetrics. */
function add<T>(
  registry: Pick<Registry, 'registerMetric'>,
  family: Family<T>,
  read: () => Promise<Sample[]>,
): void {
  const metric = {
    name: family.name,
    help: family.help,
    type: family.type === 'info' ? 'gauge' : family.type,
    aggregator: 'sum',
    async get() {
      return { ...head(this), values: await read() };
    },
    reset: () => undefined,
  };
  registry.registerMetric(metric as unknown as Metric);
}

const head = ({ name, help, type, aggregator }: Record<'name' | 'help' | 'type' | 'aggregator', string>) => ({
  name,
  help,
  type,
  aggregator,
});
