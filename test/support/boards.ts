import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** Dashboards as Grafana reads them, as far as tests read them. */
export interface Board {
  uid: string;
  title: string;
  description: string;
  tags: string[];
  editable: boolean;
  panels: Panel[];
  templating: { list: Variable[] };
  annotations: { list: Annotation[] };
  links: Array<{ type: string; tags: string[]; includeVars: boolean; keepTime: boolean }>;
}
export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  fieldConfig?: {
    defaults: { unit?: string };
    overrides: Array<{
      matcher: { id: string; options: string };
      properties: Array<{ id: string; value: unknown }>;
    }>;
  };
  repeat?: string;
}
export interface Target {
  refId: string;
  expr: string;
  instant: boolean;
  datasource: { uid: string };
}
export interface Variable {
  name: string;
  label: string;
  type: string;
  query: string;
  datasource?: { uid: string };
  refresh?: number;
  multi?: boolean;
  allValue?: string;
  includeAll?: boolean;
}
export interface Annotation {
  name: string;
  expr: string;
  datasource: { uid: string };
  enable: boolean;
}
export interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations?: Record<string, string>;
}

const FOLDER = fileURLToPath(new URL('../../dashboards/', import.meta.url));

/** The text of a committed file below dashboards/. */
export function committed(file: string): string {
  return readFileSync(`${FOLDER}${file}`, 'utf8');
}

/** Names of the committed dashboards. */
export function boardFiles(): string[] {
  return readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
}

export function board(file: string): Board {
  return JSON.parse(committed(file)) as Board;
}

/** Panels that show something: rows only divide. */
export function panelsOf({ panels }: Board): Panel[] {
  return panels.filter(({ type }) => type !== 'row');
}

/** The rules of dashboards/rules/NAME.yml. */
export function rules(name: 'alerts' | 'recording'): Rule[] {
  const { groups } = parse(committed(`rules/${name}.yml`)) as { groups: Array<{ rules: Rule[] }> };
  return groups.flatMap((group) => group.rules);
}
