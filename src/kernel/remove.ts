import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { removeCompartment } from '../compartments/remove.js';
import { signalCompartment } from '../compartments/signal.js';
import { isFrozen } from '../host/cgroup/freeze.js';
import type { Host } from '../host/host.js';
import { isAlive } from '../host/proc/identity.js';
import { Store } from '../state/store.js';
import { STOP_MS } from './boot.js';

const LOOK_MS = 20;

/**
 * Removes a compartment or a guest. With `force` what runs in it is ended: a guest is asked to power off first, and
 * has {@link STOP_MS} for it.
 * @throws ERR_COMPART_BUSY, ERR_COMPART_NOT_FOUND
 */
export async function removeAny(host: Host, name: string, force: boolean): Promise<void> {
  const store = new Store(host.paths.state);
  const id = force && store.condition(name) === 'whole' ? await powerOff(host, store, name) : null;
  // Whoever waited for it has taken it away by now.
  if (id !== null && !isThere(store, name, id)) return;
  await removeCompartment(host, name, force);
}

/** Is anything left of the one with this id? Its record goes before its folder. */
function isThere(store: Store, name: string, id: string): boolean {
  const now = store.read(name);
  return now === null ? store.hasFolder(name) : now.id === id;
}

/** @returns the id of a guest that was asked to power off, null where there is none that could */
async function powerOff(host: Host, store: Store, name: string): Promise<string | null> {
  const record = store.read(name);
  if (record?.kind !== 'guest' || record.main === null || isFrozen(record.group)) return null;
  const { main, id } = record;
  signalCompartment({ host, store, record }, constants.signals.SIGTERM);
  const there = (): boolean => isAlive(host.paths.proc, main) || isThere(store, name, id);
  // Its keeper ends it when the time is up, and its owner takes it away.
  for (const started = Date.now(); there() && Date.now() - started < STOP_MS + 2000; await delay(LOOK_MS)) {
    if (!isAlive(host.paths.proc, main) && record.owner === null) break;
  }
  return id;
}
