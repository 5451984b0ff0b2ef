import { board, boardFiles, panelsOf, rules } from './boards.js';
import { readQuery } from './promql.js';

/** What Grafana would fill in. The first three are regular expressions, as Grafana makes them of a choice. */
export interface Chosen {
  job: string;
  instance: string;
  compartment: string;
  /** `$__rate_interval`: four scrapes or more. */
  rateInterval: string;
  /** `$__range`: the time shown. */
  range: string;
}

/**
 * Without what a query rightly answers nothing: a guest, something that happens (an OOM kill, an alert, an end), a
 * limit, a network of its own, or a counter that this kernel may lack (cgroup v1, no pressure, no conntrack).
 */
export type Missing = 'guest' | 'event' | 'limit' | 'network' | 'kernel';

export interface Query {
  /** As in `overview.json: panel Memory, top 10 (A)`. */
  from: string;
  kind: 'panel' | 'variable' | 'annotation' | 'alert' | 'recording';
  expr: string;
  /** Asked once, not over a range. */
  instant: boolean;
  /** An empty answer is right where one of these is missing; where the list is empty it never is. */
  emptyWithout: Missing[];
}

const KERNEL =
  /^compart_(memory_(high|reservation|swap|kernel|shmem|dirty|peak|scanned|reclaimed|refaults|oom_events|page_faults)_|pressure_|network_conntrack_|io_|pids_limit_hits|cpu_allowed)/;
const EVENT = /^(ALERTS$|compart_last_exit_|compart_series_dropped)/;

/** Fills Grafana's variables into a query. */
export function fill(expr: string, chosen: Chosen): string {
  const values: Record<string, string> = {
    job: chosen.job,
    instance: chosen.instance,
    compartment: chosen.compartment,
    __rate_interval: chosen.rateInterval,
    __range: chosen.range,
  };
  return expr.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => values[name] ?? whole);
}

/** Every query of the committed dashboards and rules, ready for a Prometheus. */
export function allQueries(chosen: Chosen): Query[] {
  const ready = (query: Omit<Query, 'emptyWithout'>): Query => {
    const expr = fill(query.expr, chosen);
    return { ...query, expr, emptyWithout: missingOf(query.kind, expr) };
  };
  return [...boardFiles().flatMap(ofBoard), ...ofRules('alerts'), ...ofRules('recording')].map(ready);
}

function ofBoard(file: string): Array<Omit<Query, 'emptyWithout'>> {
  const content = board(file);
  return [
    ...panelsOf(content).flatMap(({ title, targets = [] }) =>
      targets.map(({ refId, expr, instant }) => ({
        from: `${file}: panel ${title} (${refId})`,
        kind: 'panel' as const,
        expr,
        instant,
      })),
    ),
    ...content.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => ({
        from: `${file}: variable ${name}`,
        kind: 'variable' as const,
        expr: labelValues(query),
        instant: true,
      })),
    ...content.annotations.list.map(({ name, expr }) => ({
      from: `${file}: annotation ${name}`,
      kind: 'annotation' as const,
      expr,
      instant: false,
    })),
  ];
}

function ofRules(name: 'alerts' | 'recording'): Array<Omit<Query, 'emptyWithout'>> {
  return rules(name).map(({ alert, record, expr }) => ({
    from: `rules/${name}.yml: ${alert ?? record ?? ''}`,
    kind: name === 'alerts' ? 'alert' : 'recording',
    expr,
    instant: true,
  }));
}

/** label_values(SELECTOR, LABEL), which only Grafana knows, in PromQL: one series a value. */
export function labelValues(query: string): string {
  const [, selector, label] = /^label_values\((.+), (\w+)\)$/s.exec(query) ?? [];
  if (selector === undefined || label === undefined) throw new Error(`not label_values: ${query}`);
  return `group by (${label}) (${selector})`;
}

function missingOf(kind: Query['kind'], expr: string): Missing[] {
  const metrics = readQuery(expr).selectors.map(({ metric }) => metric);
  const some = (pattern: RegExp): boolean => metrics.some((metric) => pattern.test(metric));
  const found: Array<[Missing, boolean]> = [
    ['guest', some(/^compart_(guest|boot)_/)],
    ['event', kind === 'alert' || kind === 'annotation' || some(EVENT)],
    ['limit', /\+Inf|> 0\b|>= 0\b/.test(expr) || some(/_limit_|_throttled_|_network_shaper_/)],
    ['network', some(/^compart_network_/)],
    ['kernel', some(KERNEL)],
  ];
  // `or vector(0)` answers always.
  return / or vector\(0\)$/.test(expr) ? [] : found.flatMap(([missing, is]) => (is ? [missing] : []));
}
