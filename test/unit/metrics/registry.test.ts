import { describe, expect, it } from '@jest/globals';
import { Counter, Registry } from 'prom-client';
import { registerCompartCollector } from '../../../src/metrics/registry.js';
import { parseExposition, valueOf } from '../../support/exposition.js';
import { useFolder } from '../state.js';
import { FixtureHost } from './host.js';

const folder = useFolder();

describe("a service's own registry", () => {
  it.each([
    ['text', Registry.PROMETHEUS_CONTENT_TYPE],
    ['openmetrics', Registry.OPENMETRICS_CONTENT_TYPE],
  ])('shows compartments beside its own metrics as %s, anew with each scrape', async (_format, type) => {
    const fixture = new FixtureHost(folder.path, 'hybrid');
    fixture.add('a', { labels: { team: 'web' } });
    const registry = new Registry();
    registry.setContentType(type as typeof registry.contentType);
    new Counter({ name: 'own_total', help: 'Own.', registers: [registry] }).inc(2);
    registerCompartCollector(registry, { host: fixture.host, labels: ['team'] });
    for (const names of [['a'], ['a', 'b']]) {
      const exposed = parseExposition(await registry.metrics());
      expect(valueOf(exposed, 'own_total')).toBe(2);
      expect(valueOf(exposed, 'compart_compartments')).toBe(names.length);
      expect(valueOf(exposed, 'compart_memory_oom_kills_total', { compartment: 'a' })).toBe(1);
      expect(valueOf(exposed, 'compart_labels', { compartment: 'a', label_team: 'web' })).toBe(1);
      const infos = exposed.samples.filter(({ name }) => name === 'compart_info');
      expect(infos.map(({ labels }) => labels['compartment'])).toEqual(names);
      if (!names.includes('b')) fixture.add('b');
    }
  });

  it('is read once a scrape, and refuses labels that cannot be shown', async () => {
    const fixture = new FixtureHost(folder.path, 'v2');
    fixture.add('a');
    const { store } = fixture;
    const registry = new Registry();
    registerCompartCollector(registry, { host: fixture.host });
    await Promise.all([registry.metrics(), registry.metrics()]);
    expect(store.names()).toEqual(['a']);
    const json = await registry.getMetricsAsJSON();
    expect(json.find(({ name }) => name === 'compart_compartments')?.values).toMatchObject([{ value: 1 }]);
    expect(() => {
      registerCompartCollector(new Registry(), { host: fixture.host, labels: [''] });
    }).toThrow('a name is empty');
  });
});
