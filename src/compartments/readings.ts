import type { Compartment } from './compartment.js';
import type { Ground, Loaded, SubsystemKind } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';
import type { LastReadings } from './verdict.js';

/** Kinds that are loaded, in the order of the record. */
export function loadedKinds({ record }: Pick<Compartment, 'record'>): SubsystemKind[] {
  return (Object.keys(record.subsystems) as SubsystemKind[]).filter((kind) => kind in SUBSYSTEMS);
}

/** What its subsystems are loaded for. */
export function groundOf({ store, record }: Pick<Compartment, 'store' | 'record'>): Ground {
  const { id, name, group, spec } = record;
  return { id, name, group, state: store.root, folder: store.folder(name), project: spec.project };
}

/** One loaded subsystem, or null where it is not. */
export function loadedOf(compartment: Compartment, kind: SubsystemKind): Loaded | null {
  const record = compartment.record.subsystems[kind];
  return record === undefined ? null : { ground: groundOf(compartment), record };
}

/** One reading of every subsystem, by kind, in the shapes of docs/cli.md. */
export function readStats(compartment: Compartment): LastReadings & Record<string, unknown> {
  const readings = loadedKinds(compartment).map((kind) => {
    const loaded = loadedOf(compartment, kind);
    return [kind, loaded === null ? null : SUBSYSTEMS[kind].stats(compartment.host, loaded)];
  });
  return Object.fromEntries(readings) as LastReadings & Record<string, unknown>;
}
