const HOST = 'job=~"$job", instance=~"$instance"';
const RANGE = '$__rate_interval';

/** What the dashboards hold apart by: one compartment of one host. */
export const EACH = 'by (job, instance, compartment)';

/** A selector of one metric on the hosts that are chosen on top of the dashboard, with more matchers if given. */
export function host(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${[HOST, ...matchers].join(', ')}}`;
}

/** The same, of the compartments that are chosen. */
export function own(metric: string, ...matchers: readonly string[]): string {
  return host(metric, 'compartment=~"$compartment"', ...matchers);
}

/** A counter per second. */
export function rate(selector: string): string {
  return `rate(${selector}[${RANGE}])`;
}

/** What a counter gained between two points of a graph. */
export function gain(selector: string): string {
  return `increase(${selector}[${RANGE}])`;
}

/** What a counter gained in all of the time shown. */
export function gainInAll(selector: string): string {
  return `increase(${selector}[$__range])`;
}

/** How often a gauge changed between two points of a graph. */
export function changes(selector: string): string {
  return `changes(${selector}[${RANGE}])`;
}

/** A limit where there is one: unlimited is +Inf, which would leave a graph without a scale. */
export function finite(selector: string): string {
  return `${selector} < +Inf`;
}

/** The ten largest. */
export function top(expression: string): string {
  return `topk(10, ${expression})`;
}

/** A counter of packets or bytes and the limit of its direction, as bits per second. */
export function bits(direction: 'receive' | 'transmit'): { rate: string; limit: string; ratio: string } {
  const counted = rate(own(`compart_network_${direction}_bytes_total`));
  const limit = own('compart_network_rate_limit_bytes_per_second', `direction="${direction}"`);
  return {
    rate: `8 * ${counted}`,
    limit: `8 * (${finite(limit)})`,
    ratio: `${counted} / ignoring (direction) group_right ${limit}`,
  };
}
