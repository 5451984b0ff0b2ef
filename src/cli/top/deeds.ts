import { constants } from 'node:os';
import { openCompartment } from '../../compartments/compartment.js';
import { freezeCompartment, killCompartment } from '../../compartments/control.js';
import type { Host } from '../../host/host.js';
import { doneText, type Question } from './confirm.js';

/** Does what was confirmed, to that compartment and to none that took its name since. @returns how it went, in words */
export async function carryOut(host: Host, question: Question): Promise<string> {
  const { deed, id, name } = question;
  try {
    const { record } = await openCompartment(host, name);
    if (record.id !== id) return `${name} has ended; another one is called so now, and was left alone`;
    if (deed === 'kill') await killCompartment(host, name, constants.signals.SIGKILL);
    else await freezeCompartment(host, name, deed === 'freeze');
    return doneText(question);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
