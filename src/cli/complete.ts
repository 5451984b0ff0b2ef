import { SUBSYSTEM_KINDS } from '../compartments/subsystem.js';
import type { Host } from '../host/host.js';
import { own } from '../shared/own.js';
import { Store } from '../state/store.js';
import { OPTIONS } from './options.js';
import { VERBS } from './verbs.js';

const FIRST_WORD: Readonly<Record<string, 'name' | 'kind' | 'deed'>> = {
  kernel: 'deed',
  load: 'kind',
  attach: 'name',
  exec: 'name',
  unload: 'name',
  set: 'name',
  freeze: 'name',
  thaw: 'name',
  kill: 'name',
  rm: 'name',
  stats: 'name',
  top: 'name',
  inspect: 'name',
  logs: 'name',
};

/** Completions of the last word, one a line, for the script of `compart completion`. */
export function complete(host: Host, words: readonly string[]): Promise<string> {
  const line = words[0] === 'compart' || words[0]?.endsWith('/compart') ? words.slice(1) : [...words];
  const current = line.at(-1) ?? '';
  return Promise.resolve(
    candidates(host, line, current)
      .filter((word) => word.startsWith(current))
      .join('\n') + '\n',
  );
}

function candidates(host: Host, line: readonly string[], current: string): string[] {
  const verbs = Object.keys(VERBS).filter((name) => !VERBS[name]?.hidden);
  if (line.length <= 1) return verbs;
  const verb = own(VERBS, line[0] ?? '');
  if (verb === undefined) return [];
  if (current.startsWith('-'))
    return [...verb.flags, 'help'].filter((flag) => OPTIONS[flag]).map((flag) => `--${flag}`);
  const wanted = FIRST_WORD[line[0] ?? ''];
  if (wanted === 'kind') return [...SUBSYSTEM_KINDS];
  if (wanted === 'deed') return ['list', 'build', 'path'];
  return wanted === 'name' ? new Store(host.paths.state).names() : [];
}
