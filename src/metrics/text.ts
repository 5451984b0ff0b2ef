import type { Format } from './accept.js';
import { unitOf, type Family, type MetricType } from './family.js';

/** A label value as both formats have it: within quotes. */
export const escapeLabel = (value: string): string =>
  !/[\\"\n]/.test(value) ? value : value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));

/** `{a="1",b="2"}`; a label without a value is one that is not there. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** A number as both formats read it. */
export function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/** The name of a family: OpenMetrics takes `_total` and `_info` for endings of its samples. */
export function familyName({ name, type }: Pick<Family<never>, 'name' | 'type'>, format: Format): string {
  if (format === 'text') return name;
  return type === 'counter'
    ? name.replace(/_total$/, '')
    : type === 'info'
      ? name.replace(/_info$/, '')
      : name;
}

/** Text 0.0.4 knows no info. */
export const typeName = (type: MetricType, format: Format): string =>
  type === 'info' && format === 'text' ? 'gauge' : type;

/** The lines before the samples of a family. */
export function headOf(family: Pick<Family<never>, 'name' | 'type' | 'help'>, format: Format): string {
  const name = familyName(family, format);
  const unit = unitOf(family.name);
  const escaped = family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const help = format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped;
  const unitLine = format === 'openmetrics' && unit !== null ? `# UNIT ${name} ${unit}\n` : '';
  return `# TYPE ${name} ${typeName(family.type, format)}\n${unitLine}# HELP ${name} ${help}\n`;
}
