import { appendFileSync, readFileSync } from 'node:fs';
import { formatIdentity, type ProcessIdentity } from '../host/proc/identity.js';
import { errnoOf } from '../shared/errors.js';
import { stateError } from './json.js';

/** A process that got out of groups of its compartment. */
export interface Escape extends ProcessIdentity {
  /** Its name, as the kernel has it (comm). */
  command: string;
  /** Controllers whose group of the compartment it is not in; `unified` is the v2 mount. */
  left: string[];
}

/** How many are written down of one compartment; the others are ended without. */
const MOST = 1000;

const fileIn = (folder: string): string => `${folder}/escaped`;

/** Writes down what `--strict` is about to end, in the folder of its compartment. @throws ERR_COMPART_STATE */
export function noteEscapes(folder: string, escapes: readonly Escape[]): void {
  const room = MOST - readEscapes(folder).length;
  const lines = escapes.slice(0, Math.max(0, room)).map((escape) => `${JSON.stringify(escape)}\n`);
  if (lines.length === 0) return;
  try {
    appendFileSync(fileIn(folder), lines.join(''), { mode: 0o600 });
  } catch (error) {
    throw stateError('write', fileIn(folder), error);
  }
}

/**
 * What `--strict` has ended, the oldest first, each once: a guard and the end of the run may both meet one that is
 * still dying. A line that a crash has cut short is left out.
 */
export function readEscapes(folder: string): Escape[] {
  let text: string;
  try {
    text = readFileSync(fileIn(folder), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw stateError('read', fileIn(folder), error);
  }
  const ended = new Map<string, Escape>();
  for (const escape of text.split('\n').flatMap(parseLine)) {
    const key = formatIdentity(escape);
    if (!ended.has(key)) ended.set(key, escape);
  }
  return [...ended.values()];
}

function parseLine(line: string): Escape[] {
  try {
    return [JSON.parse(line) as Escape];
  } catch {
    return [];
  }
}
