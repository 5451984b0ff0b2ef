/** Which metrics a scrape shows: `core` are those that dashboards of many compartments and alerts need. */
export type Level = 'core' | 'full';

/** Of every compartment, of guests alone, of the host. */
export type Scope = 'c' | 'g' | 'h';
export type MetricType = 'counter' | 'gauge' | 'info' | 'histogram';

/** What is not reported is left out. */
export type Value = number | null | undefined;

/** One series of a family, apart from the label `compartment`. */
export interface Series<T> {
  labels: Readonly<Record<string, string>>;
  value: (from: T) => Value;
  /** Of a histogram: what its name ends with. */
  suffix?: '_bucket' | '_sum' | '_count';
}

/** One row of the table: all that is known of a metric. `T` is what a scrape read it from. */
export interface Family<T> {
  name: string;
  type: MetricType;
  scope: Scope;
  level: Level;
  help: string;
  /** Where it is read on cgroup v2 and on v1; the same text where that makes no difference. */
  v2: string;
  v1: string;
  /** Labels besides `compartment`; with their values where those are a closed list. */
  labels: Readonly<Record<string, readonly string[]>>;
  /** Is it a gauge of what runs, which a stopped compartment does not have? */
  live: boolean;
  series: ReadonlyArray<Series<T>>;
  /** Labels that are read: of an info metric, whose value is always 1. */
  facts: ((from: T) => Readonly<Record<string, string>>) | null;
}

interface Row {
  name: string;
  level?: Level;
  help: string;
  v2: string;
  v1?: string;
}

interface SingleRow<T> extends Row {
  live?: boolean;
  value: (from: T) => Value;
}

interface SplitRow<T, K extends string> extends Row {
  live?: boolean;
  label: string;
  values: readonly K[];
  value: (from: T, key: K) => Value;
}

interface InfoRow<T> extends Row {
  labels: readonly string[];
  facts: (from: T) => Readonly<Record<string, string>>;
}

type Plain = 'counter' | 'gauge' | 'histogram';

/** The unit that a name ends with, as OpenMetrics wants it; null for a plain number. */
export function unitOf(name: string): 'bytes' | 'seconds' | null {
  const unit = /_(bytes|seconds)(_total)?$/.exec(name)?.[1];
  return unit === 'bytes' || unit === 'seconds' ? unit : null;
}

/** What makes rows: of one series, of one for each value of a label, of facts. */
interface Rows<T> {
  one: (type: Plain, row: SingleRow<T>) => Family<T>;
  split: <K extends string>(type: Plain, row: SplitRow<T, K>) => Family<T>;
  info: (row: InfoRow<T>, type?: 'info' | 'gauge') => Family<T>;
}

/** Makes rows of one scope. */
export function rows<T>(scope: Scope): Rows<T> {
  const common = ({ name, level = 'full', help, v2, v1 = v2 }: Row, type: MetricType) => {
    const none = { live: false, labels: {}, series: [], facts: null };
    return { ...none, name, type, scope, level, help, v2, v1 };
  };
  return {
    one: (type: Plain, row: SingleRow<T>): Family<T> => ({
      ...common(row, type),
      live: row.live ?? false,
      series: [{ labels: {}, value: row.value }],
    }),
    split: <K extends string>(type: Plain, row: SplitRow<T, K>): Family<T> => ({
      ...common(row, type),
      live: row.live ?? false,
      labels: { [row.label]: row.values },
      series: row.values.map((key) => ({
        labels: { [row.label]: key },
        value: (from: T) => row.value(from, key),
      })),
    }),
    info: (row: InfoRow<T>, type = 'info'): Family<T> => ({
      ...common(row, type),
      labels: Object.fromEntries(row.labels.map((label) => [label, []])),
      facts: row.facts,
    }),
  };
}
