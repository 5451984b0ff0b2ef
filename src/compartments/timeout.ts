import { setTimeout as delay } from 'node:timers/promises';
import { killGroup, signalGroup } from '../host/cgroup/kill.js';
import type { Compartment } from './compartment.js';
import { isPopulated } from './sweep.js';

const GRACE_MS = 5000;
const LOOK_MS = 50;

/** --timeout ran out: TERM to the whole compartment, KILL to what is left of it 5 s later. */
export async function expire({ store, record }: Compartment): Promise<void> {
  store.markTimedOut(record.name);
  signalGroup(record.group, 'SIGTERM');
  for (const started = Date.now(); isPopulated(record);) {
    if (Date.now() - started > GRACE_MS) {
      killGroup(record.group);
      return;
    }
    await delay(LOOK_MS);
  }
}
