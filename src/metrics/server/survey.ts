import { existsSync } from 'node:fs';
import type { Host } from '../../host/host.js';
import { Pace } from '../../shared/pace.js';
import { Store } from '../../state/store.js';
import { allOf, lookForEscapes, type Escapes } from '../../compartments/escape.js';
import type { Compartment } from '../../compartments/compartment.js';
import { inspectCompartment } from '../../compartments/inspect.js';
import type { Listed } from '../page/wire.js';

/** How long others wait at a stretch, and one compartment more. */
const SLICE_MS = 4;

/** How one compartment is read. */
export type Look = (compartment: Compartment) => Listed;

/** All of it, as `compart ps --json` says. */
export const lookClosely: Look = (compartment) => {
  const { spec: _spec, ...listed } = inspectCompartment(compartment);
  return listed;
};

/**
 * Every compartment of this user, in slices. One that vanishes in the middle, or that cannot be read, is left out.
 * Nothing is swept: a question changes nothing.
 * @param lookOutside finds what has left them
 */
export async function* survey(
  host: Host,
  look: Look,
  lookOutside: (host: Host, compartments: readonly Compartment[]) => Promise<Escapes> = lookForEscapes,
): AsyncGenerator<[Compartment, Listed]> {
  const store = new Store(host.paths.state);
  const names = store.names();
  if (names.length > 0) await host.ready();
  const escapes = await lookOutside(host, allOf(host, store));
  const pace = new Pace(SLICE_MS);
  for (const name of names) {
    if (pace.isDue()) await pace.rest();
    try {
      const record = store.read(name);
      if (record === null) continue;
      const compartment = { host, store, record };
      const escaped = escapes.get(record.id);
      const listed = { ...look(compartment), ...(escaped === undefined ? {} : { escaped }) };
      if (existsSync(record.group.identity)) yield [compartment, listed];
    } catch {
      // Gone meanwhile, or damaged: compart ps names those.
    }
  }
}
