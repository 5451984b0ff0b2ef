import type { Registry } from 'prom-client';
import type { Format } from './accept.js';

/**
 * What prom-client says of the process itself. A registry for each format: one that has served a format cannot serve
 * the other, as it renames its counters for good. The library is loaded with the first scrape.
 */
export class ProcessMetrics {
  readonly #registries = new Map<Format, Promise<Registry>>();

  /** `process_*` and `nodejs_*`, without the `# EOF` of OpenMetrics. */
  async text(format: Format): Promise<string> {
    const made = this.#registries.get(format) ?? makeRegistry(format);
    this.#registries.set(format, made);
    const registry = await made;
    const text = await registry.metrics();
    // Nothing was measured where prom-client says "Nan", which is no number of either format.
    return text
      .replace(/# EOF\n$/, '')
      .replace(/^.* Nan\n/gm, '')
      .replace(/\n{2,}/g, '\n');
  }
}

/** Gauges that are named as counters: promtool objects, and the same is in `nodejs_active_*` by type. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

async function makeRegistry(format: Format): Promise<Registry> {
  const { Registry: Registered, collectDefaultMetrics } = await import('prom-client');
  const registry = new Registered();
  if (format === 'openmetrics') {
    registry.setContentType(Registered.OPENMETRICS_CONTENT_TYPE as typeof registry.contentType);
  }
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return registry;
}
