import { TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { NEAR_LIMIT, face, instant, refId } from './panels.js';
import { EACH, bits, finite, gainInAll, own, rate } from './queries.js';

/** Where a click on a compartment's name leads. */
const DRILL_DOWN =
  '/d/compart-compartment?${datasource:queryparam}&${job:queryparam}' +
  '&var-instance=${__data.fields.instance}&var-compartment=${__value.raw}&${__url_time_range}';

interface Column {
  title: string;
  expr: string;
  unit: string;
  decimals?: number;
  /** A bar from 0 to 1 in the cell. */
  gauge?: boolean;
  /** Shown in an empty cell. */
  none?: string;
}

const ratio = (usage: string, limit: string): string => `${own(usage)} / ${own(limit)}`;
const cores = `sum ${EACH} (${rate(own('compart_cpu_seconds_total'))})`;

const COLUMNS: readonly Column[] = [
  { title: 'Memory', expr: own('compart_memory_working_set_bytes'), unit: 'bytes' },
  {
    title: 'Memory limit',
    expr: finite(own('compart_memory_limit_bytes')),
    unit: 'bytes',
    none: 'unlimited',
  },
  {
    title: 'of limit',
    expr: ratio('compart_memory_working_set_bytes', 'compart_memory_limit_bytes'),
    unit: 'percentunit',
    gauge: true,
  },
  { title: 'CPU cores', expr: cores, unit: 'short', decimals: 2 },
  {
    title: 'CPU limit',
    expr: finite(own('compart_cpu_limit_cores')),
    unit: 'short',
    decimals: 2,
    none: 'unlimited',
  },
  {
    title: 'of quota',
    expr: `${cores} / ${own('compart_cpu_limit_cores')}`,
    unit: 'percentunit',
    gauge: true,
  },
  { title: 'Tasks', expr: own('compart_pids'), unit: 'short' },
  { title: 'Received', expr: bits('receive').rate, unit: 'bps' },
  { title: 'Sent', expr: bits('transmit').rate, unit: 'bps' },
  { title: 'OOM kills', expr: gainInAll(own('compart_memory_oom_kills_total')), unit: 'short', decimals: 0 },
  { title: 'Started', expr: `1000 * ${own('compart_start_time_seconds')}`, unit: 'dateTimeFromNow' },
];

const properties = ({
  title,
  unit,
  decimals,
  gauge,
  none,
}: Column): Array<{ id: string; value: unknown }> => [
  { id: 'displayName', value: title },
  { id: 'unit', value: unit },
  ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
  ...(none === undefined ? [] : [{ id: 'noValue', value: none }]),
  ...(gauge
    ? [
        { id: 'min', value: 0 },
        { id: 'max', value: 1 },
        { id: 'custom.cellOptions', value: { type: 'gauge', mode: 'basic' } },
        { id: 'thresholds', value: { mode: 'absolute', steps: NEAR_LIMIT } },
        { id: 'color', value: { mode: 'thresholds' } },
      ]
    : []),
];

/** One row a compartment: its state, what it uses beside its limits, and a link to all of it. */
export function fleetTable(): Table {
  // The label of the state is a column; the others have one row each for the same three labels, and are merged by them.
  const state = `sum by (job, instance, compartment, state) (${own('compart_state')} == 1)`;
  const rows = COLUMNS.map(({ expr }) => `sum ${EACH} (${expr})`);
  const table = face(new Table(), {
    title: 'Compartments',
    description: 'One row a compartment, the largest first. Its name leads to all that is known about it.',
    unit: 'short',
    width: 24,
    height: 12,
  })
    .targets(
      [state, ...rows].map((expr, index) =>
        instant({ expr, legend: '' }, index).format(PromQueryFormat.Table),
      ),
    )
    .filterable(true)
    .sortBy([new TableSortByFieldStateBuilder().displayName('Memory').desc(true)])
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({ id: 'organize', options: order() })
    .overrideByName('compartment', [
      { id: 'displayName', value: 'Compartment' },
      { id: 'links', value: [{ title: 'All of ${__value.raw}', url: DRILL_DOWN, targetBlank: false }] },
    ])
    .overrideByName('instance', [{ id: 'displayName', value: 'Host' }])
    .overrideByName('state', [{ id: 'displayName', value: 'State' }]);
  COLUMNS.forEach((column, index) => table.overrideByName(valueOf(index + 1), properties(column)));
  return table;
}

const valueOf = (index: number): string => `Value #${refId(index)}`;

function order(): { excludeByName: Record<string, boolean>; indexByName: Record<string, number> } {
  const columns = ['compartment', 'instance', 'state', ...COLUMNS.map((_, index) => valueOf(index + 1))];
  return {
    excludeByName: { Time: true, job: true, [valueOf(0)]: true },
    indexByName: Object.fromEntries(columns.map((name, index) => [name, index])),
  };
}
