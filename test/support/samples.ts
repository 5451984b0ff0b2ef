import { METRICS, PROCESS_METRICS } from './metric-names.js';

const STEP = 15;
const HOSTS = ['a:9750', 'b:9750'];
/** One with limits, one without; on two hosts, so that a query must tell equal names apart. */
const LIMITED = 'web';
const COMPARTMENTS = [LIMITED, 'db.1'];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  state: ['running', 'failed'],
  reason: ['success', 'oom'],
  mode: ['user', 'system'],
  resource: ['cpu', 'io', 'memory'],
  operation: ['read', 'write'],
  direction: ['receive', 'transmit'],
  stage: ['kernel', 'init', 'ready'],
  collector: ['cgroup', 'network', 'guest', 'state'],
};

/**
 * OpenMetrics with timestamps, for `promtool tsdb create-blocks-from openmetrics`: every metric of the schema over the
 * last `seconds` before `end`, in which counters grow, compartments restart and memory limits change.
 */
export function samples(end: number, seconds: number): string {
  const times = Array.from({ length: seconds / STEP + 1 }, (_, index) => index * STEP);
  const lines: string[] = [];
  const families = Object.entries({ ...METRICS, ...PROCESS_METRICS });
  for (const [name, { type, labels, scope }] of families) {
    lines.push(`# TYPE ${familyOf(name, type)} ${type}`);
    for (const set of labelSets(labels, scope)) {
      for (const age of times) {
        const at = end - seconds + age;
        for (const [suffix, more, value] of points(name, type, set, age, at))
          lines.push(`${name}${suffix}{${[...set, ...more].join()}} ${value} ${at}`);
      }
    }
  }
  return [...lines, '# EOF', ''].join('\n');
}

function familyOf(name: string, type: string): string {
  if (type === 'counter') return name.replace(/_total$/, '');
  return type === 'info' ? name.replace(/_info$/, '') : name;
}

function labelSets(labels: readonly string[], scope: string): string[][] {
  const sets = (rest: readonly string[]): string[][] => {
    const [label, ...others] = rest;
    if (label === undefined) return [[]];
    return (VALUES[label] ?? ['x']).flatMap((value) =>
      sets(others).map((set) => [`${label}="${value}"`, ...set]),
    );
  };
  const whose = scope === 'h' ? [[]] : COMPARTMENTS.map((name) => [`compartment="${name}"`]);
  return HOSTS.flatMap((instance) =>
    whose.flatMap((who) =>
      sets(labels).map((set) => ['job="compart"', `instance="${instance}"`, ...who, ...set]),
    ),
  );
}

type Point = [suffix: string, labels: string[], value: number | string];

function points(name: string, type: string, set: readonly string[], age: number, at: number): Point[] {
  if (type === 'histogram')
    return [
      ...['0.1', '1', '+Inf'].map((le, index): Point => ['_bucket', [`le="${le}"`], age * (index + 1)]),
      ['_sum', [], age],
      ['_count', [], age * 3],
    ];
  if (type === 'counter') return [['', [], name.includes('throttled') ? age / 3 : age]];
  if (/_limit(_|$)|_high_bytes/.test(name) && !set.includes(`compartment="${LIMITED}"`))
    return [['', [], '+Inf']];
  return [['', [], gauge(name, set, age, at)]];
}

function gauge(name: string, set: readonly string[], age: number, at: number): number {
  if (isOne(name) || set.includes('state="running"')) return 1;
  if (name === 'compart_state' || name === 'compart_frozen') return 0;
  if (name === 'compart_memory_limit_bytes') return 100 + Math.floor(age / 600);
  if (name.endsWith('start_time_seconds')) return at - (age % 300);
  return 50;
}

const isOne = (name: string): boolean => /_info$|_up$|^up$|_success$/.test(name);
