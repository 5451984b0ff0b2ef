import { boot, guest } from './guest.js';
import { launch } from './launch.js';
import { library } from './library.js';
import { net } from './net.js';
import { scale } from './scale.js';
import { scrape } from './scrape.js';
import { serveScrapes } from './scrape-server.js';

/** `npm run bench -- TOPIC`: one table a topic, medians and ratios of interleaved runs. */
const TOPICS: Readonly<Record<string, () => Promise<void>>> = {
  launch,
  net,
  scrape,
  boot,
  guest,
  library,
  scale,
};

// The exporter that `scrape` measures is this program in a process of its own.
if (process.env['BENCH_SCRAPE_PORT'] !== undefined)
  await serveScrapes(Number(process.env['BENCH_SCRAPE_PORT']));

const asked = process.argv.slice(2);
const unknown = asked.find((topic) => TOPICS[topic] === undefined);
if (unknown !== undefined) {
  process.stderr.write(`bench: no topic "${unknown}"; there are: ${Object.keys(TOPICS).join(', ')}\n`);
  process.exit(2);
}
for (const topic of asked.length > 0 ? asked : Object.keys(TOPICS)) await TOPICS[topic]?.();
