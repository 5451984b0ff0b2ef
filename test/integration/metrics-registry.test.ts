import { writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { parseExposition, valueOf } from '../support/exposition.js';
import { MIB } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import { verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const { compart, detach } = verbsIn(sandbox);

/** A service of somebody else: its own registry, its own prom-client, compart as it is installed. */
const SERVICE = (root: string): string => `
  import { createServer } from 'node:http';
  import client from '${root}/node_modules/prom-client/index.js';
  import { registerCompartCollector } from '${root}/dist/lib/index.js';
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  new client.Counter({ name: 'orders_total', help: 'Orders.', registers: [registry] }).inc(3);
  registerCompartCollector(registry, { labels: ['team'] });
  const server = createServer(async (_, response) => response.end(await registry.metrics()));
  server.listen(0, '127.0.0.1', async () => {
    const { port } = server.address();
    for (let scrape = 0; scrape < 2; scrape += 1)
      console.log(await (await fetch('http://127.0.0.1:' + port)).text() + '# EOF');
    server.close();
  });
`;

describe("a Node service's own registry", () => {
  requires(
    'root',
    'cgroup-memory',
    'cgroup-pids',
  )(
    'serves what runs, its limit and its label beside the metrics of the service, scrape after scrape',
    async () => {
      await detach('job', ['--mem', '64M', '--label', 'team=web'], 'sleep', '60');
      const { dir, env } = sandbox.current;
      writeFileSync(`${dir}/service.mjs`, SERVICE(process.cwd()));
      const { stdout, stderr } = await execa('node', [`${dir}/service.mjs`], { env });
      expect(stderr).toBe('');
      const scrapes = stdout.split('# EOF').filter((text) => text.trim() !== '');
      expect(scrapes).toHaveLength(2);
      for (const text of scrapes) {
        const exposed = parseExposition(text.trimStart());
        const job = { compartment: 'job' };
        expect(valueOf(exposed, 'orders_total')).toBe(3);
        expect(valueOf(exposed, 'process_cpu_seconds_total')).toBeGreaterThan(0);
        expect(valueOf(exposed, 'compart_memory_limit_bytes', job)).toBe(64 * MIB);
        expect(valueOf(exposed, 'compart_labels', { ...job, label_team: 'web' })).toBe(1);
        expect(valueOf(exposed, 'compart_pids', job)).toBe(1);
        expect(valueOf(exposed, 'compart_host_created_total')).toBe(1);
      }
      await compart('rm', '--force', 'job');
    },
  );
});
