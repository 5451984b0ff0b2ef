import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { changes, gain, host, own } from './queries.js';
import { DATASOURCE } from './panels.js';

/** The tag by which the dashboards link each other. */
export const TAG = 'compart';

export interface Row {
  title: string;
  panels: ReadonlyArray<{ build(): Panel }>;
}

/** What becomes one JSON file. */
export interface Dashboard {
  build(): object;
}

export interface Frame {
  uid: string;
  title: string;
  description: string;
  /** Which compartments can be chosen: by the metric that lists them; left out, all of the host. */
  compartments?: { metric: string; one?: boolean };
  annotations: readonly AnnotationQueryBuilder[];
  rows: readonly Row[];
}

/** A dashboard: its variables, links and annotations, and its panels in rows, each with an id that is its place. */
export function dashboard(frame: Frame): Dashboard {
  // Its successor is what Grafana 13 made the default; this model is read by all versions, 13 converts it at loading.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const board = new DashboardBuilder(frame.title)
    .uid(frame.uid)
    .description(frame.description)
    .tags([TAG, 'prometheus'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .variables(variables(frame))
    .annotations([...frame.annotations])
    .link(
      new DashboardLinkBuilder('compart')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .includeVars(true)
        .keepTime(true),
    );
  let id = 0;
  for (const { title, panels } of frame.rows) {
    board.withRow(new RowBuilder(title).id((id += 1)));
    for (const panel of panels) {
      id += 1;
      const built = { ...panel.build(), id };
      board.withPanel({ build: () => built });
    }
  }
  return board;
}

function variables({ compartments }: Frame): Array<DatasourceVariableBuilder | QueryVariableBuilder> {
  const list = [
    new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    choice('job', 'Job', 'label_values(compart_build_info, job)'),
    choice('instance', 'Instance', 'label_values(compart_build_info{job=~"$job"}, instance)'),
  ];
  if (compartments === undefined) return list;
  const query = `label_values(${host(compartments.metric)}, compartment)`;
  const compartment = choice('compartment', 'Compartment', query);
  return [
    ...list,
    compartments.one ? compartment.multi(false).includeAll(false).current(NOTHING) : compartment,
  ];
}

const EVERYTHING = { selected: true, text: ['All'], value: ['$__all'] };
const NOTHING = { selected: false, text: '', value: '' };

function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current(EVERYTHING);
}

/** Marks on the graphs: what an event was, to which compartment it happened. */
function annotation(name: string, color: string, expr: string, text: string): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .step('30s')
    .titleFormat(name)
    .textFormat(text)
    .tagKeys('compartment');
}

const LIMITS = ['memory_limit_bytes', 'memory_high_bytes', 'cpu_limit_cores', 'pids_limit'].map((name) =>
  own(`compart_${name}`),
);

/** OOM kills, restarts and changes of limits of the compartments that are chosen. */
export function events(): AnnotationQueryBuilder[] {
  const limits = [...LIMITS, own('compart_network_rate_limit_bytes_per_second')];
  return [
    annotation(
      'OOM kills',
      'red',
      `${gain(own('compart_memory_oom_kills_total'))} > 0`,
      '{{compartment}}: processes killed at its memory limit',
    ),
    annotation(
      'Restarts',
      'blue',
      `${changes(own('compart_start_time_seconds'))} > 0`,
      '{{compartment}}: started anew',
    ),
    annotation(
      'Limit changes',
      'purple',
      `count by (instance, compartment) (${limits.map((limit) => `${changes(limit)} > 0`).join(' or ')})`,
      '{{compartment}}: a limit was changed',
    ),
  ];
}

/** Restarts of the exporter itself. */
export function exporterEvents(): AnnotationQueryBuilder[] {
  return [
    annotation(
      'Exporter restarts',
      'blue',
      `${changes(host('process_start_time_seconds'))} > 0`,
      '{{instance}}: compart serve started anew',
    ),
  ];
}
