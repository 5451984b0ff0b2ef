// Metrics of all compartments in a service's own Prometheus registry, beside its own.
//
//   node examples/metrics.mjs 9100 & curl localhost:9100/metrics
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Counter, Registry } from 'prom-client';
import { registerCompartCollector, run } from 'compart';

/** A server of /metrics, and /job that runs something to be seen. */
export function metrics() {
  const registry = new Registry();
  const jobs = new Counter({
    name: 'jobs_total',
    help: 'Jobs by how they ended.',
    labelNames: ['verdict'],
    registers: [registry],
  });
  registerCompartCollector(registry, { labels: ['team'] });
  const job = async () => {
    const { verdict } = await run('sh', ['-c', 'sleep 1'], {
      mem: '32M',
      labels: { team: 'web' },
      reject: false,
    });
    jobs.inc({ verdict });
  };
  return createServer(async ({ url }, response) => {
    if (url === '/job') await job();
    response.setHeader('content-type', registry.contentType);
    response.end(await registry.metrics());
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) metrics().listen(Number(process.argv[2] ?? 9100));
