import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Host } from '../src/host/host.js';
import { Exposition } from '../src/metrics/exposition.js';

/** What the exporter says of itself. */
export interface Self {
  rssBytes: number;
  /** The longest that the event loop was not at its turn since this was last asked. */
  blockedMs: number;
}

/** Serves /metrics on a port of the loopback, and /self; until it is killed. */
export async function serveScrapes(port: number): Promise<never> {
  const exposition = new Exposition(Host.current());
  const RESOLUTION_MS = 1;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const server = createServer((request, response) => {
    if (request.url === '/self') {
      const self: Self = {
        rssBytes: process.memoryUsage.rss(),
        blockedMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS),
      };
      delay.reset();
      response.end(JSON.stringify(self));
      return;
    }
    void exposition.answer(request.headers.accept).then(({ contentType, body }) => {
      response.setHeader('Content-Type', contentType);
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return new Promise<never>(() => undefined);
}
