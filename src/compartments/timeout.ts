import { constants } from 'node:os';
import { killGroup } from '../host/cgroup/kill.js';
import { GRACE_MS, type Deadline } from '../host/launched.js';
import { pause } from '../host/pause.js';
import type { Compartment } from './compartment.js';
import { signalCompartment } from './signal.js';
import { isPopulated } from './sweep.js';

const LOOK_MS = 50;

function askToEnd(compartment: Compartment): void {
  compartment.store.markTimedOut(compartment.record.name);
  signalCompartment(compartment, constants.signals.SIGTERM);
}

/**
 * --timeout of a command in the foreground: TERM to the whole compartment, KILL to what is left of it later, 5 s if
 * nobody says otherwise.
 */
export function deadlineOf(compartment: Compartment, graceMs = GRACE_MS): Deadline | null {
  const ms = compartment.record.spec.timeoutMs;
  if (ms === null) return null;
  const expire: Deadline['expire'] = (late) =>
    late ? killGroup(compartment.record.group) : askToEnd(compartment);
  return { ms, graceMs, expire };
}

/** The same for a detached one, whose time its monitor has counted. */
export function expire(compartment: Compartment): void {
  askToEnd(compartment);
  for (const started = Date.now(); isPopulated(compartment.record); pause(LOOK_MS)) {
    if (Date.now() - started > GRACE_MS) return killGroup(compartment.record.group);
  }
}
