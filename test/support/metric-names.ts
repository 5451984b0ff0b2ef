import { OF_COMPARTMENTS, OF_HOST } from '../../src/metrics/table.js';

interface Metric {
  scope: string;
  type: string;
  /** Beside `compartment`, which those of a compartment have (not of the host). */
  labels: readonly string[];
}

/** The metrics of compart, by name. */
export const METRICS: Readonly<Record<string, Metric>> = Object.fromEntries(
  [...OF_COMPARTMENTS, ...OF_HOST].map(({ name, scope, type, labels }) => [
    name,
    { scope, type, labels: Object.keys(labels) },
  ]),
);

/** What Prometheus itself says of each scrape, and prom-client of the process that serves. */
export const PROCESS_METRICS: typeof METRICS = {
  up: { scope: 'h', type: 'gauge', labels: [] },
  scrape_duration_seconds: { scope: 'h', type: 'gauge', labels: [] },
  scrape_samples_scraped: { scope: 'h', type: 'gauge', labels: [] },
  process_start_time_seconds: { scope: 'h', type: 'gauge', labels: [] },
  process_cpu_seconds_total: { scope: 'h', type: 'counter', labels: [] },
  process_resident_memory_bytes: { scope: 'h', type: 'gauge', labels: [] },
  process_open_fds: { scope: 'h', type: 'gauge', labels: [] },
  process_max_fds: { scope: 'h', type: 'gauge', labels: [] },
  nodejs_eventloop_lag_p99_seconds: { scope: 'h', type: 'gauge', labels: [] },
};

/** Labels that Prometheus adds to everything it scrapes. */
const SCRAPED = ['job', 'instance'];

/** The labels that a series has, or null where nothing is called so. */
export function labelsOf(series: string): readonly string[] | null {
  if (series === 'ALERTS') return [...SCRAPED, 'compartment', 'alertname', 'alertstate'];
  const family = METRICS[series] ?? PROCESS_METRICS[series] ?? histogramOf(series);
  if (family === undefined) return null;
  const own = family.scope === 'h' ? [] : ['compartment'];
  return [...SCRAPED, ...own, ...family.labels, ...(series.endsWith('_bucket') ? ['le'] : [])];
}

function histogramOf(series: string): (typeof METRICS)[string] | undefined {
  const family = METRICS[series.replace(/_(bucket|sum|count)$/, '')];
  return family?.type === 'histogram' ? family : undefined;
}
