import { CompartError } from '../shared/errors.js';
import { removeBase } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import { isAlive } from '../host/proc/identity.js';
import type { Store } from '../state/store.js';
import { mend } from './change.js';
import { mendStack, sweepNetworks } from './net/leftovers.js';
import { loadedOf } from './readings.js';
import { sweepName } from './sweep.js';

/** What `gc` did and what it left alone. */
export interface Swept {
  removed: string[];
  /** Networks of which somebody had taken a part away, whole again. */
  mended: string[];
  /** Damaged records with processes still in their groups, as removing those is the user's choice; and what could not be done. */
  left: Array<{ name: string; why: string; hint: string | null }>;
}

/** Removes everything that a crash left behind; touches nothing that is alive. */
export async function sweepAll(host: Host, store: Store): Promise<Swept> {
  const swept: Swept = { removed: [], mended: [], left: [] };
  if (!store.isEmpty()) {
    await host.ready();
    sweepEach(host, store, swept);
  }
  sweepStacks(host, store, swept);
  if (store.isEmpty()) {
    // A service that was killed leaves it.
    removeBase(host.layout, host.plannedBase);
    await host.release(() => store.isEmpty());
  }
  return swept;
}

function sweepEach(host: Host, store: Store, swept: Swept): void {
  for (const { folder, claimer, name } of store.unfinished()) {
    if (isAlive(host.paths.proc, claimer)) continue;
    store.discard(folder);
    swept.removed.push(name);
  }
  for (const name of store.names()) {
    try {
      if (sweepName(host, store, name) || !mendName(host, store, name)) swept.removed.push(name);
    } catch (error) {
      // What was in the way may be gone the next time, and a compartment that could not be looked at may be alive.
      if (!(error instanceof CompartError)) throw error;
      swept.left.push({ name, why: error.message, hint: isWhole(store, name) ? null : removing(name) });
    }
  }
}

const removing = (name: string): string => `compart rm --force ${name} removes it`;

/** Is the record all right, or is that not to be seen? */
function isWhole(store: Store, name: string): boolean {
  try {
    return store.condition(name) === 'whole';
  } catch {
    return true;
  }
}

/** @returns whether the compartment is there still */
function mendName(host: Host, store: Store, name: string): boolean {
  const record = store.read(name);
  return record === null || mend({ host, store, record });
}

/** Stacks that no record tells of, and those that somebody took a part away from. */
function sweepStacks(host: Host, store: Store, swept: Swept): void {
  swept.removed.push(...sweepNetworks(host));
  for (const name of store.names()) {
    const record = store.readWhole(name);
    const loaded = record === null ? null : loadedOf({ host, store, record }, 'net');
    if (loaded === null) continue;
    const { mended, left } = mendStack(host, loaded);
    if (mended !== null) swept.mended.push(name);
    if (left !== null) swept.left.push({ name, why: left, hint: removing(name) });
  }
}
