import { describe, expect, it } from '@jest/globals';
import { board, boardFiles, panelsOf } from '../../support/boards.js';
import { METRICS, labelsOf } from '../../support/metric-names.js';
import { readQuery } from '../../support/promql.js';
import { allQueries, labelValues } from '../../support/queries.js';

const CHOSEN = { job: 'compart', instance: '.+', compartment: 'web\\.1', rateInterval: '1m', range: '1h' };
const queries = allQueries(CHOSEN);
/** Labels that label_replace and recording rules make. */
const MADE = ['name', 'container', 'image'];

describe('every query', () => {
  it('is PromQL once its variables are filled in, 220 of them or more', () => {
    expect(queries.length).toBeGreaterThanOrEqual(220);
    for (const { from, expr } of queries)
      expect({ from, faults: readQuery(expr).faults, left: expr.match(/\$[a-z_{]\w*/) }).toEqual({
        from,
        faults: [],
        left: null,
      });
  });

  it('names only metrics and labels that compart, prom-client or Prometheus have', () => {
    for (const { from, expr } of queries) {
      const { selectors, groupings } = readQuery(expr);
      const known = new Set(MADE);
      for (const { metric, matchers } of selectors) {
        const labels = labelsOf(metric);
        expect({ from, metric, known: labels !== null }).toEqual({ from, metric, known: true });
        for (const label of labels ?? []) known.add(label);
        const strange = matchers.filter(({ label }) => !labels?.includes(label));
        expect({ from, metric, strange }).toEqual({ from, metric, strange: [] });
      }
      expect({ from, strange: groupings.filter((label) => !known.has(label)) }).toEqual({
        from,
        strange: [],
      });
    }
  });

  it('is told apart: 5 kinds, and what it may lack', () => {
    const kinds = new Set(queries.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['panel', 'variable', 'annotation', 'alert', 'recording']));
    const lacking = (from: string): unknown => queries.find((query) => query.from === from)?.emptyWithout;
    expect(lacking('overview.json: panel Compartments (A)')).toEqual([]);
    expect(lacking('overview.json: variable compartment')).toEqual([]);
    expect(lacking('overview.json: panel Memory, top 10 (A)')).toEqual([]);
    expect(lacking('guest.json: panel Guests up (A)')).toEqual(['guest']);
    expect(lacking('compartment.json: panel Swap (B)')).toEqual(['limit', 'kernel']);
    expect(lacking('rules/alerts.yml: CompartGuestDown')).toEqual(['guest', 'event']);
  });

  it('of a variable that is not label_values is refused by the reader of these tests', () => {
    expect(() => labelValues('query_result(up)')).toThrow('not label_values: query_result(up)');
  });
});

describe('the dashboards', () => {
  it('and rules use every metric that compart has', () => {
    const shown = new Set(
      queries.flatMap(({ expr }) => readQuery(expr).selectors.map(({ metric }) => metric)),
    );
    const missing = Object.keys(METRICS).filter(
      (metric) => !shown.has(metric) && !shown.has(`${metric}_bucket`),
    );
    // Its labels are whatever the host's owner allowed: for joins of their own making.
    expect(missing).toEqual(['compart_labels']);
  });

  it('draw every limit as a dashed line that is not there where the limit is +Inf', () => {
    let drawn = 0;
    for (const file of boardFiles()) {
      for (const { title, type, targets = [], fieldConfig } of panelsOf(board(file))) {
        if (type !== 'timeseries') continue;
        for (const { refId, expr } of targets) {
          const limits = readQuery(expr.replace(/\[\$\w+\]/g, '[1m]')).selectors.filter(({ metric }) =>
            /_(limit|high|reservation)_(bytes|cores)|_limit$|_limit_bytes_per_second/.test(metric),
          );
          if (limits.length === 0 || / \/ /.test(expr)) continue;
          const dashed = fieldConfig?.overrides
            .find(({ matcher }) => matcher.id === 'byFrameRefID' && matcher.options === refId)
            ?.properties.find(({ id }) => id === 'custom.lineStyle')?.value;
          expect({ file, title, expr, dashed, finite: expr.includes('< +Inf') }).toEqual({
            ...{ file, title, expr, finite: true },
            dashed: { fill: 'dash', dash: [10, 10] },
          });
          drawn += 1;
        }
      }
    }
    expect(drawn).toBeGreaterThanOrEqual(12);
  });
});
