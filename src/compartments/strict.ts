import { setTimeout as delay } from 'node:timers/promises';
import { killGroup } from '../host/cgroup/kill.js';
import { startTool } from '../host/exec.js';
import { formatIdentity, identify, isAlive, type ProcessIdentity } from '../host/proc/identity.js';
import { readProcesses } from '../host/proc/table.js';
import { CompartError } from '../shared/errors.js';
import { noteEscapes, type Escape } from '../state/escapes.js';
import type { Compartment } from './compartment.js';
import { allOf, EscapeWatch, findEscapes, type Escapes } from './escape.js';

/** How often a guard looks, and how soon again at what seems to have left. */
const LOOK_EVERY_MS = 200;
const LOOK_AGAIN_MS = 50;
/** What goes on forking while it is stopped process by process is met in the next round. */
const ROUNDS = 100;

/**
 * Starts the guard of a compartment with `--strict`: `guard-run NAME ID`, a process that looks every 200 ms for what has
 * left and kills it, until the compartment is gone. The parent of the command kills that should somebody kill the guard.
 * @param supervisor argv that starts compart itself
 * @returns who it is
 * @throws ERR_COMPART_LAUNCH if it cannot be started, or has ended already: nothing runs unguarded
 */
export function startGuard({ host, record }: Compartment, supervisor: readonly string[]): ProcessIdentity {
  const [file = '', ...words] = supervisor;
  const pid = startTool(file, [...words, 'guard-run', record.name, record.id]);
  const guard = pid === null ? null : identify(host.paths.proc, pid);
  if (guard !== null) return guard;
  throw new CompartError('ERR_COMPART_LAUNCH', `cannot start ${file} as the guard of "${record.name}"`);
}

/** What a guard does. Returns when the compartment is gone, or abandoned: the rest is `gc`'s. */
export async function guard({ host, store, record: { name, id } }: Compartment): Promise<void> {
  const watch = new EscapeWatch();
  for (;;) {
    const record = store.read(name);
    if (record === null || record.id !== id) return;
    if (record.owner !== null && !isAlive(host.paths.proc, record.owner)) return;
    const seen = lookOnce({ host, store, record });
    if (watch.take(seen).size > 0) killEscapes({ host, store, record });
    await delay(seen.size > 0 ? LOOK_AGAIN_MS : LOOK_EVERY_MS);
  }
}

/**
 * Kills what has left the groups of a compartment, with all that descends from it: each is stopped, so that none
 * forks meanwhile, written down, and killed. The command itself is killed at once: its front would stop with it.
 */
export function killEscapes(compartment: Compartment): Escape[] {
  const { store, record } = compartment;
  const stopped = new Map<string, Escape>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = lookOnce(compartment).get(record.id) ?? [];
    const fresh = found.filter((escape) => !stopped.has(formatIdentity(escape)));
    for (const escape of fresh) {
      signal(compartment, escape, escape.pid === record.main?.pid ? 'SIGKILL' : 'SIGSTOP');
      stopped.set(formatIdentity(escape), escape);
    }
    if (fresh.length === 0) break;
  }
  const escapes = [...stopped.values()];
  if (escapes.length === 0) return [];
  noteEscapes(store.folder(record.name), escapes);
  for (const escape of escapes) signal(compartment, escape, 'SIGKILL');
  return escapes;
}

function lookOnce(compartment: Compartment): Escapes {
  const { host, store } = compartment;
  return findEscapes(host, [compartment], readProcesses(host.paths.proc), allOf(host, store));
}

/** Ends all processes of a compartment; under `--strict` those too that have left it. @throws ERR_COMPART_BUSY */
export function killAll(compartment: Compartment): void {
  const { group, spec } = compartment.record;
  // Before, as long as their parents are there to know them by; and after, when whoever adopts has adopted them.
  if (spec.strict === true) killEscapes(compartment);
  killGroup(group);
  if (spec.strict === true) killEscapes(compartment);
}

function signal({ host }: Compartment, escape: Escape, name: 'SIGSTOP' | 'SIGKILL'): void {
  if (identify(host.paths.proc, escape.pid)?.startTime !== escape.startTime) return;
  try {
    process.kill(escape.pid, name);
  } catch {
    // ESRCH: gone between the look and the signal.
  }
}
