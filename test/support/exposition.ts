/** One line of an exposition, and what stood above it. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Exposed {
  /** By the name in its TYPE line. */
  families: Map<string, { type: string; unit: string | null; help: string | null; samples: Sample[] }>;
  samples: Sample[];
}

// prom-client writes Nan of a gauge that has no sample yet, which Prometheus reads as NaN.
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|Nan)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/;
const SUFFIXES = ['', '_total', '_info', '_bucket', '_count', '_sum'];

const unescape = (text: string): string =>
  text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));

function labelsIn(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== '';) {
    const [whole, name, value] = LABEL.exec(rest) ?? [];
    if (whole === undefined || name === undefined) throw new Error(`no label: ${rest}`);
    if (name in labels) throw new Error(`twice: ${name} in ${text}`);
    labels[name] = unescape(value ?? '');
    rest = rest.slice(whole.length);
  }
  return labels;
}

function sampleIn(line: string): Sample {
  const [, name, , labels = '', value = ''] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+)$/s.exec(line) ?? [];
  if (name === undefined || !NUMBER.test(value)) throw new Error(`no sample: ${line}`);
  return { name, labels: labelsIn(labels), value: Number(value.replace('Inf', 'Infinity')) };
}

/**
 * Reads text 0.0.4 or OpenMetrics as strictly as their grammars: what does not parse, stands apart from its family or
 * comes twice is an error.
 */
export function parseExposition(text: string): Exposed {
  const families: Exposed['families'] = new Map();
  const series = new Set<string>();
  let current = '';
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (TYPE|HELP|UNIT) (\S+) (.*)$/.exec(line) ?? [];
    // Text 0.0.4 may have empty lines; OpenMetrics may not, which Prometheus itself is asked for.
    if (line === '# EOF' || line === '') continue;
    if (keyword !== undefined) {
      if (keyword === 'TYPE' && (families.get(name)?.type ?? '') !== '')
        throw new Error(`a family twice: ${name}`);
      const family = families.get(name) ?? { type: '', unit: null, help: null, samples: [] };
      if (keyword === 'TYPE') family.type = rest;
      else if (keyword === 'UNIT') family.unit = rest;
      else family.help = rest;
      families.set((current = name), family);
      continue;
    }
    const sample = sampleIn(line);
    if (!SUFFIXES.some((suffix) => sample.name === current + suffix))
      throw new Error(`${sample.name} stands among ${current}`);
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (series.has(key)) throw new Error(`a series twice: ${line}`);
    series.add(key);
    families.get(current)?.samples.push(sample);
  }
  return { families, samples: [...families.values()].flatMap(({ samples }) => samples) };
}

/** The value of one series, or null where it is not there. */
export function valueOf(
  { samples }: Exposed,
  name: string,
  labels: Record<string, string> = {},
): number | null {
  const wanted = Object.entries(labels);
  const found = samples.filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
  if (found.length > 1) throw new Error(`${found.length} series of ${name}`);
  return found[0]?.value ?? null;
}
