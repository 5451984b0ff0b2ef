import { usageError } from '../shared/errors.js';

/** More labels of users than this make a label set that nobody can afford. */
const MOST_KEYS = 10;

/** The labels of compartments that are let out, and what each is called there. */
export type AllowedLabels = ReadonlyMap<string, string>;

/**
 * `team` becomes `label_team`; what a label name cannot hold becomes `_`.
 * @throws ERR_COMPART_USAGE for more than 10, an empty one, or two that come to the same name
 */
export function allowLabels(keys: readonly string[]): AllowedLabels {
  const unique = [...new Set(keys)];
  if (unique.length > MOST_KEYS)
    throw usageError(`--labels: ${unique.length} labels`, `at most ${MOST_KEYS}`);
  const allowed = new Map<string, string>();
  for (const key of unique) {
    if (key.trim() === '') throw usageError('--labels: a name is empty', 'as in --labels team,project');
    const name = `label_${key.replace(/[^a-zA-Z0-9_]/g, '_')}`;
    if ([...allowed.values()].includes(name))
      throw usageError(`--labels: "${key}" would be another's ${name}`, 'leave one of them out');
    allowed.set(key, name);
  }
  return allowed;
}

/** Those of one compartment, under the names that they are let out by; empty where it has none. */
export function userLabels(
  labels: Readonly<Record<string, string>>,
  allowed: AllowedLabels,
): Record<string, string> {
  const named = [...allowed].map(([key, name]) => [name, labels[key] ?? ''] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== ''));
}
