import { describe, expect, it } from '@jest/globals';
import { board, boardFiles, panelsOf, type Board, type Panel, type Target } from '../../support/boards.js';
import { readQuery } from '../../support/promql.js';
import { fill } from '../../support/queries.js';

/** Units that the panels use: each is in Grafana's list (packages/grafana-data/src/valueFormats/categories.ts). */
const UNITS = 'none string short percentunit bytes bps Bps pps s dateTimeFromNow cps ops iops'.split(' ');
/** A range that nothing else has, so that it is known again. */
const RATE_INTERVAL = '130d';
const CHOSEN = {
  job: '$job',
  instance: '$instance',
  compartment: '$compartment',
  rateInterval: RATE_INTERVAL,
  range: '1h',
};
const DATASOURCE = '${datasource}';

/** What grafana/dashboard-linter would say, rule by rule; each answers with its complaints. */
const RULES: Record<string, (board: Board) => string[]> = {
  'template-datasource': ({ templating }) => {
    const sources = templating.list.filter(({ type }) => type === 'datasource');
    const right = sources.length === 1 && sources[0]?.query === 'prometheus';
    return right && sources[0]?.name === 'datasource' && sources[0].label === 'Data source' ? [] : ['it'];
  },
  'template-job': (each) => template(each, 'job', 'Job'),
  'template-instance': (each) => template(each, 'instance', 'Instance'),
  'template-label-promql': ({ templating }) =>
    queried(templating).flatMap(({ name, query }) => {
      const selector = /^label_values\((.+), \w+\)$/s.exec(query)?.[1];
      return selector !== undefined && readQuery(selector).faults.length === 0 ? [] : [name];
    }),
  'template-on-time-change-reload': ({ templating }) =>
    queried(templating).flatMap(({ name, refresh }) => (refresh === 2 ? [] : [name])),
  'panel-datasource': panels(({ datasource, targets = [] }) =>
    [datasource, ...targets.map((target) => target.datasource)].every((each) => each?.uid === DATASOURCE),
  ),
  'panel-title-description': panels(
    ({ title, description = '' }) => title !== '' && /^[A-Za-z].*\.$/s.test(description),
  ),
  'panel-units': panels(({ fieldConfig }) => UNITS.includes(fieldConfig?.defaults.unit ?? '')),
  'panel-no-targets': panels(({ targets = [] }) => targets.length > 0),
  'target-promql': targets(({ expr }) => expr !== '' && readQuery(fill(expr, CHOSEN)).faults.length === 0),
  'target-rate-interval': targets(({ expr }) =>
    readQuery(fill(expr, CHOSEN)).selectors.every(
      ({ range, inside }) => inside === null || !/^i?rate$/.test(inside) || range === RATE_INTERVAL,
    ),
  ),
  'target-job': targets(matches('job')),
  'target-instance': targets(matches('instance')),
  'target-counter-agg': targets(({ expr }) =>
    readQuery(fill(expr, CHOSEN)).selectors.every(
      ({ metric, range, inside }) =>
        !metric.endsWith('_total') || (range !== null && /^(rate|irate|increase)$/.test(inside ?? '')),
    ),
  ),
  uneditable: ({ editable }) => (editable ? ['it'] : []),
};

const queried = ({ list }: Board['templating']): Board['templating']['list'] =>
  list.filter(({ type }) => type === 'query');

function template({ templating }: Board, name: string, label: string): string[] {
  const found = templating.list.find((each) => each.name === name);
  const right = { type: 'query', label, multi: true, includeAll: true, allValue: '.+' };
  const has =
    found !== undefined && Object.entries(right).every(([key, value]) => found[key as 'type'] === value);
  return has && found.datasource?.uid === DATASOURCE ? [] : [name];
}

function panels(right: (panel: Panel) => boolean): (board: Board) => string[] {
  return (each) =>
    panelsOf(each)
      .filter((panel) => !right(panel))
      .map(({ title }) => title);
}

function targets(right: (target: Target) => boolean): (board: Board) => string[] {
  return (each) =>
    panelsOf(each)
      .flatMap((panel) => (panel.targets ?? []).filter((target) => !right(target)))
      .map(({ expr }) => expr);
}

function matches(label: string): (target: Target) => boolean {
  return ({ expr }) =>
    readQuery(fill(expr, CHOSEN)).selectors.every(({ matchers }) =>
      matchers.some((each) => each.label === label && each.op === '=~' && each.value === `$${label}`),
    );
}

describe("the rules of Grafana's dashboard-linter", () => {
  describe.each(boardFiles())('for %s', (file) => {
    it.each(Object.keys(RULES))('%s: nothing to complain of', (rule) => {
      expect(RULES[rule]?.(board(file))).toEqual([]);
    });
  });

  it.each<[string, (board: Board) => void]>([
    ['template-datasource', ({ templating }) => (templating.list[0]!.label = 'Prometheus')],
    ['template-job', ({ templating }) => (templating.list[1]!.allValue = '.*')],
    ['template-instance', ({ templating }) => (templating.list[2]!.multi = false)],
    ['template-label-promql', ({ templating }) => (templating.list[2]!.query = 'label_values(up{, job)')],
    ['template-on-time-change-reload', ({ templating }) => (templating.list[1]!.refresh = 1)],
    ['panel-datasource', (each) => (panelsOf(each)[0]!.datasource = { uid: '${DS_PROMETHEUS}' })],
    ['panel-title-description', (each) => (panelsOf(each)[0]!.description = '')],
    ['panel-units', (each) => (panelsOf(each)[0]!.fieldConfig!.defaults.unit = 'cores')],
    ['panel-no-targets', (each) => (panelsOf(each)[0]!.targets = [])],
    ['target-promql', asks('sum(up{job=~"$job", instance=~"$instance"}')],
    ['target-rate-interval', asks('rate(x_total{job=~"$job", instance=~"$instance"}[5m])')],
    ['target-job', asks('up{job="$job", instance=~"$instance"}')],
    ['target-instance', asks('up{job=~"$job"}')],
    ['target-counter-agg', asks('sum(x_total{job=~"$job", instance=~"$instance"})')],
    ['uneditable', (each) => (each.editable = true)],
  ])('%s complains of a dashboard that was made wrong', (rule, spoil) => {
    const spoilt = board('exporter.json');
    spoil(spoilt);
    expect(RULES[rule]?.(spoilt)).toHaveLength(1);
  });
});

function asks(expr: string): (board: Board) => void {
  return (each) => {
    panelsOf(each)[0]!.targets![0]!.expr = expr;
  };
}
