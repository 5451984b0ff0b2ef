import { describe, expect, it } from '@jest/globals';
import { unitOf } from '../../../src/metrics/family.js';
import { OF_COMPARTMENTS, OF_HOST } from '../../../src/metrics/table.js';

const ALL = [...OF_COMPARTMENTS, ...OF_HOST];
const seriesOf = (level: string): number =>
  OF_COMPARTMENTS.filter((family) => family.scope === 'c' && family.level === level).reduce(
    (sum, { series }) => sum + Math.max(1, series.length),
    0,
  );

describe('the table of metrics', () => {
  it('has each name once, with the prefix, help as a sentence and where it is read', () => {
    expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
    for (const { name, help, v2, v1 } of ALL) {
      expect(name).toMatch(/^compart_[a-z0-9_]+$/);
      expect(help).toMatch(/^[A-Z0-9].*\.$/);
      expect([v2, v1].every((source) => source !== '')).toBe(true);
    }
  });

  it('ends counters with _total and nothing else, and info with _info', () => {
    for (const { name, type } of ALL) {
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      if (type === 'info') expect(name).toMatch(/_info$/);
    }
  });

  it('has at most one label beside the name of a compartment, but for facts', () => {
    for (const { labels, facts } of ALL)
      if (facts === null) expect(Object.keys(labels).length).toBeLessThanOrEqual(1);
    for (const { labels, series, facts } of ALL) {
      if (facts !== null) continue;
      for (const one of series) {
        const bound = one.suffix === '_bucket' ? ['le'] : [];
        expect(Object.keys(one.labels)).toEqual([...Object.keys(labels), ...bound]);
      }
    }
  });

  it('has about 40 series of a compartment at the level core, and 85 at the most', () => {
    expect(seriesOf('core')).toBeLessThanOrEqual(42);
    expect(seriesOf('core') + seriesOf('full')).toBeLessThanOrEqual(95);
  });

  it('knows the unit of a name', () => {
    expect(unitOf('compart_memory_usage_bytes')).toBe('bytes');
    expect(unitOf('compart_cpu_seconds_total')).toBe('seconds');
    expect(unitOf('compart_network_rate_limit_bytes_per_second')).toBeNull();
    expect(unitOf('compart_pids')).toBeNull();
  });
});
