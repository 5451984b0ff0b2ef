import { setTimeout as delay } from 'node:timers/promises';
import { CompartError } from '../shared/errors.js';
import type { Host } from '../host/host.js';
import { isAlive } from '../host/proc/identity.js';
import { Store } from '../state/store.js';
import { removeDamaged } from './damaged.js';
import { killAll } from './strict.js';
import { isPopulated, takeAway } from './sweep.js';

/** How long the owner of a running command has to take its compartment away once the command is dead. */
const OWNER_PATIENCE_MS = 5000;

/**
 * Removes a compartment. `force` kills what runs in it, and removes one whose record is damaged.
 * @throws ERR_COMPART_BUSY if processes run in it and `force` is not given, ERR_COMPART_NOT_FOUND
 */
export async function removeCompartment(host: Host, name: string, force: boolean): Promise<void> {
  const store = new Store(host.paths.state);
  if (force && store.hasFolder(name) && store.condition(name) !== 'whole') {
    removeDamaged(await host.ready(), store, name);
    return;
  }
  const record = store.get(name);
  const compartment = { host: await host.ready(), store, record };
  if (isPopulated(record) && !force) {
    throw new CompartError('ERR_COMPART_BUSY', `processes run in "${name}"`, {
      hint: `compart rm --force ${name} kills them`,
    });
  }
  killAll(compartment);
  // One that was made without a command has nobody who waits for its end.
  const owner = record.main === null && record.startedAt !== null ? null : record.owner;
  for (const started = Date.now(); owner !== null && isAlive(host.paths.proc, owner); await delay(5)) {
    const now = store.read(name);
    if (now === null ? !store.hasFolder(name) : now.id !== record.id) return;
    if (Date.now() - started > OWNER_PATIENCE_MS) break;
  }
  takeAway(host, store, record);
}
