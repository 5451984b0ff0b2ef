import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Threshold,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Heatmap } from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';

/** The variable on top of every dashboard that says which Prometheus is asked. */
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

export interface Query {
  expr: string;
  legend: string;
  /** Draws it as a limit: a dashed line of this colour, never stacked, filled or summed. */
  limit?: 'red' | 'orange' | 'blue';
}

/** What every panel says about itself. */
export interface Face {
  title: string;
  description: string;
  /** One of Grafana's units. */
  unit: string;
  /** Columns of 24, and rows. */
  width?: number;
  height?: number;
}

export interface Series extends Face {
  queries: readonly Query[];
  stacked?: boolean;
  /** Bars in place of lines: for what was counted between two points. */
  bars?: boolean;
  max?: number;
  /** Marks these heights of the axis. */
  thresholds?: Threshold[];
}

export interface Single extends Face {
  queries: readonly Query[];
  thresholds?: Threshold[];
  /** Shows the series' name, which is made of labels, in place of its value. */
  names?: boolean;
  decimals?: number;
  /** Shown where nothing answers. */
  none?: string;
}

/** Green until something happened. */
export const NONE_EXPECTED: Threshold[] = [
  { value: null, color: 'green' },
  { value: 1, color: 'red' },
];
/** Shares of a limit. */
export const NEAR_LIMIT: Threshold[] = [
  { value: null, color: 'green' },
  { value: 0.75, color: 'orange' },
  { value: 0.9, color: 'red' },
];
const PLAIN: Threshold[] = [{ value: null, color: 'blue' }];
const REF_IDS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The letter by which overrides find the series of a query. */
export function refId(index: number): string {
  return REF_IDS.charAt(index);
}

/** One query of a panel, over the time shown. */
export function target({ expr, legend }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(refId(index))
    .datasource(DATASOURCE)
    .expr(expr)
    .legendFormat(legend)
    .range();
}

/** The same, asked once, for the end of the time shown. */
export function instant(query: Query, index: number): DataqueryBuilder {
  return target(query, index).instant();
}

/** The builder of thresholds in the panel's own unit. */
export function steps(thresholds: Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(thresholds);
}

interface Builder {
  title(title: string): unknown;
  description(description: string): unknown;
  datasource(datasource: typeof DATASOURCE): unknown;
  unit(unit: string): unknown;
  span(columns: number): unknown;
  height(rows: number): unknown;
}

/** Gives a panel what every panel has. */
export function face<T extends Builder>(panel: T, { title, description, unit, ...size }: Face): T {
  panel.title(title);
  panel.description(description);
  panel.datasource(DATASOURCE);
  panel.unit(unit);
  panel.span(size.width ?? 12);
  panel.height(size.height ?? 8);
  return panel;
}

/** Lines over time, usage filled, each limit a dashed line beside it. */
export function series(spec: Series): TimeSeries {
  const panel = face(new TimeSeries(), spec)
    .targets(spec.queries.map(target))
    .min(0)
    .lineWidth(1)
    .fillOpacity(spec.stacked ? 30 : 10)
    .showPoints(common.VisibilityMode.Auto)
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    );
  if (spec.stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  if (spec.bars) panel.drawStyle(common.GraphDrawStyle.Bars).fillOpacity(60);
  if (spec.max !== undefined) panel.axisSoftMax(spec.max);
  if (spec.thresholds !== undefined) mark(panel, spec.thresholds);
  spec.queries.forEach(({ limit }, index) => {
    if (limit !== undefined) panel.overrideByQuery(refId(index), dashed(limit));
  });
  return panel;
}

function mark(panel: TimeSeries, thresholds: Threshold[]): void {
  panel
    .thresholds(steps(thresholds))
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
    );
}

function dashed(color: string): Array<{ id: string; value: unknown }> {
  return [
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
    { id: 'custom.lineWidth', value: 2 },
    { id: 'custom.fillOpacity', value: 0 },
    { id: 'custom.stacking', value: { group: 'limit', mode: 'none' } },
    { id: 'color', value: { mode: 'fixed', fixedColor: color } },
  ];
}

const lastOf = (): common.ReduceDataOptionsBuilder =>
  new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']);

/** One number, or one name, for the end of the time shown. */
export function stat(spec: Single): Stat {
  const panel = face(new Stat(), { width: 4, height: 4, ...spec })
    .targets(spec.queries.map(instant))
    .reduceOptions(lastOf())
    .graphMode(common.BigValueGraphMode.None)
    .thresholds(steps(spec.thresholds ?? PLAIN))
    .noValue(spec.none ?? '-');
  if (spec.names) panel.textMode(common.BigValueTextMode.Name);
  if (spec.decimals !== undefined) panel.decimals(spec.decimals);
  return panel;
}

/** Shares of a limit now, one bar a series, the largest of them red. */
export function shares(spec: Single): BarGauge {
  return face(new BarGauge(), spec)
    .targets(spec.queries.map(instant))
    .reduceOptions(lastOf())
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .min(0)
    .max(1)
    .thresholds(steps(spec.thresholds ?? NEAR_LIMIT))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .noValue(spec.none ?? '-');
}

/** The buckets of a histogram over time. */
export function buckets(spec: Face & { expr: string }): Heatmap {
  return face(new Heatmap(), spec).targets([
    target({ expr: spec.expr, legend: '{{le}}' }, 0).format(PromQueryFormat.Heatmap),
  ]);
}
