import { constants } from 'node:os';
import { setFrozen } from '../host/cgroup/freeze.js';
import type { Host } from '../host/host.js';
import { CompartError, usageError } from '../shared/errors.js';
import { openCompartment, type Compartment } from './compartment.js';
import { parseLimits, type Limits, type LimitTexts } from './limits.js';
import { signalCompartment } from './signal.js';

/**
 * Stops every process of a compartment where it is, or lets them go on.
 * @throws ERR_COMPART_NOT_FOUND, ERR_COMPART_UNSUPPORTED where no freezer is there for this user
 */
export async function freezeCompartment(host: Host, name: string, frozen: boolean): Promise<Compartment> {
  const compartment = await openCompartment(host, name);
  if (setFrozen(compartment.record.group, frozen)) return compartment;
  throw new CompartError(
    'ERR_COMPART_UNSUPPORTED',
    `cannot ${frozen ? 'freeze' : 'thaw'} "${name}": the kernel did not confirm it`,
    { hint: 'cgroup v2, or the v1 freezer controller, must be writable: compart doctor' },
  );
}

/** The number of a signal by number or name, with or without SIG. @throws ERR_COMPART_USAGE */
export function parseSignal(text: string): number {
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  const signals: Partial<Record<string, number>> = constants.signals;
  const number = /^\d+$/.test(text) ? Number(text) : (signals[name] ?? 0);
  if (number < 1 || number > 64)
    throw usageError(`--signal: "${text}" is no signal`, 'a name or a number, as in TERM or 15');
  return number;
}

/**
 * Signals every process of a compartment; after KILL it is empty.
 * @throws ERR_COMPART_NOT_FOUND, ERR_COMPART_BUSY if something does not die
 */
export async function killCompartment(host: Host, name: string, signal: number): Promise<void> {
  signalCompartment(await openCompartment(host, name), signal);
}

/**
 * A change of limits from texts as the flags of `compart set` take them, and what it is to be made to.
 * @throws ERR_COMPART_USAGE naming the flag, ERR_COMPART_NOT_FOUND
 */
export async function readChange(
  host: Host,
  name: string,
  texts: LimitTexts,
): Promise<{ compartment: Compartment; limits: Limits }> {
  if (texts['net'] === 'host') {
    throw usageError(
      "--net: host: a stack of its own cannot be exchanged for the host's while something runs in it",
      '--net max lifts its limits',
    );
  }
  const compartment = await openCompartment(host, name);
  const workdir = compartment.record.spec.workdir ?? '.';
  return { compartment, limits: parseLimits(texts, { host, workdir }) };
}
