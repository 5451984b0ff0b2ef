import type { Host } from '../host/host.js';
import { Pace } from '../shared/pace.js';
import { CONTENT_TYPES, negotiate, type Format } from './accept.js';
import { Collector } from './collector.js';
import type { Level } from './family.js';
import { allowLabels } from './labels.js';
import { ProcessMetrics } from './process.js';
import { Writer } from './writer.js';

/** How long the event loop waits at a stretch while text is made. */
const SLICE_MS = 6;
const END = '# EOF\n';

/** What is exposed. */
export interface ExpositionOptions {
  /** Null, or left out: `full` up to 300 compartments, `core` above. */
  level?: Level | null;
  /** Labels of compartments that `compart_labels` shows, at most 10. */
  labels?: readonly string[];
  /** Does it speak of the process as well that exposes it (`process_*`, `nodejs_*`)? True if left out. */
  ownProcess?: boolean;
  /** Compartments that are shown at most: 5000. */
  most?: number;
}

/** All metrics of a host as text, for one scrape after another; counters of it never go down. */
export class Exposition {
  readonly #collector: Collector;
  readonly #writer: Writer;
  readonly #level: Level | null;
  readonly #process: ProcessMetrics | null;

  /** Reads nothing yet. @throws ERR_COMPART_USAGE for labels that cannot be shown */
  constructor(host: Host, options: ExpositionOptions = {}) {
    this.#collector = new Collector(host, options.most);
    this.#writer = new Writer(allowLabels(options.labels ?? []));
    this.#level = options.level ?? null;
    this.#process = options.ownProcess === false ? null : new ProcessMetrics();
  }

  /**
   * Answers one scrape, in the format that its Accept header asks for; never rejects for what a compartment does.
   * @param accept the header, undefined where there is none
   */
  async answer(accept: string | undefined): Promise<{ contentType: string; body: string }> {
    const format = negotiate(accept);
    return { contentType: CONTENT_TYPES[format], body: await this.text(format) };
  }

  /** The text of one scrape in this format. */
  async text(format: Format): Promise<string> {
    const own = (await this.#process?.text(format)) ?? '';
    const host = await this.#collector.collect(this.#level);
    const text = await this.#writer.write(host, format, new Pace(SLICE_MS));
    return text + own + (format === 'openmetrics' ? END : '');
  }
}
