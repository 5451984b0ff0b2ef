import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect } from '@jest/globals';
import { loadSubsystem } from '../../src/compartments/load.js';
import { removeCompartment } from '../../src/compartments/remove.js';
import { Caller } from '../../src/host/caller.js';
import { Host } from '../../src/host/host.js';
import { Exposition } from '../../src/metrics/exposition.js';
import { numbersFrom } from '../support/crash.js';
import { parseExposition, valueOf } from '../support/exposition.js';
import { MIB } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import { loadRequest } from '../support/shapes.js';

const sandbox = useSandbox();
const MANY = 1000;
const SCRAPES = 100;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** What is in use once everything that nobody holds is gone. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('a process that scrapes for long', () => {
  requires('groups', 'cgroup-pids')(
    `${SCRAPES} scrapes while some of ${MANY} compartments come and go: no error, nothing stale, no leak, no counter down`,
    async () => {
      const host = await Host.current(
        new Caller({ env: { ...process.env, ...sandbox.current.env } }),
      ).ready();
      const living: string[] = [];
      let next = 0;
      const add = async (): Promise<void> => {
        const name = `c${next++}`;
        living.push(name);
        await loadSubsystem(host, loadRequest('pids', name));
      };
      while (next < MANY) await add();
      const random = numbersFrom(7);
      const gone = new Set<string>();
      const churning = new AbortController();
      const churn = (async () => {
        while (!churning.signal.aborted) {
          const [name = ''] = living.splice(Math.floor(random() * living.length), 1);
          await removeCompartment(host, name, false);
          gone.add(name);
          await add();
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const exposition = new Exposition(host, { ownProcess: false });
      let counters = new Map<string, number>();
      let heap = 0;
      let open = 0;
      for (let scrape = 0; scrape < SCRAPES; scrape += 1) {
        const stale = new Set(gone);
        const born = next;
        const { body } = await exposition.answer(undefined);
        const exposed = parseExposition(body);
        const shown = exposed.samples.filter(({ name }) => name === 'compart_info');
        expect(shown.filter(({ labels }) => stale.has(labels['compartment'] ?? ''))).toEqual([]);
        expect(Math.abs(shown.length - MANY)).toBeLessThan(5 + next - born);
        const now = new Map(
          exposed.samples
            .filter(({ name }) => /^compart_(host|collector)_.*_total$/.test(name))
            .map(({ name, labels, value }) => [name + JSON.stringify(labels), value]),
        );
        for (const [key, value] of counters) expect([key, now.get(key)! >= value]).toEqual([key, true]);
        counters = now;
        for (const collector of ['cgroup', 'state', 'network'])
          expect(valueOf(exposed, 'compart_collector_errors_total', { collector })).toBe(0);
        if (scrape === SCRAPES / 4) [heap, open] = [heapBytes(), descriptors()];
      }
      churning.abort();
      await churn;
      expect(gone.size).toBeGreaterThan(SCRAPES);
      expect(descriptors()).toBe(open);
      expect((heapBytes() - heap) / MIB).toBeLessThan(10);
      const last = parseExposition((await exposition.answer(undefined)).body);
      expect(valueOf(last, 'compart_host_created_total')).toBe(next);
      expect(valueOf(last, 'compart_host_removed_total')).toBe(gone.size);
      for (const name of living) await removeCompartment(host, name, false);
    },
  );
});
