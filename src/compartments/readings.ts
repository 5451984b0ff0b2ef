import type { Aheads, Compartment } from './compartment.js';
import type { Ahead, Ground, Loaded, SubsystemKind } from './subsystem.js';
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

/** What a process that stays reads while its event loop goes on. */
export async function readAhead(compartment: Compartment, ahead: Aheads = {}): Promise<Known> {
  const known: Known = {};
  for (const [kind, each] of Object.entries(ahead) as Array<[SubsystemKind, Ahead]>) {
    const loaded = loadedOf(compartment, kind);
    // What it cannot read is read as ever.
    const stats = loaded === null ? null : await each.stats(compartment.host, loaded).catch(() => null);
    if (stats !== null) known[kind] = stats;
  }
  return known;
}

/** One loaded subsystem, or null where it is not. */
export function loadedOf(compartment: Compartment, kind: SubsystemKind): Loaded | null {
  const record = compartment.record.subsystems[kind];
  return record === undefined ? null : { ground: groundOf(compartment), record };
}

/** Readings that are at hand, by kind. */
export type Known = Partial<Record<SubsystemKind, object>>;

/** One reading of every subsystem, by kind, in the shapes of docs/cli.md. @param known those that need no other */
export function readStats(
  compartment: Compartment,
  known: Known = {},
): LastReadings & Record<string, unknown> {
  const readings = loadedKinds(compartment).map((kind) => {
    const loaded = loadedOf(compartment, kind);
    const read = (): unknown => (loaded === null ? null : SUBSYSTEMS[kind].stats(compartment.host, loaded));
    return [kind, known[kind] ?? read()];
  });
  return Object.fromEntries(readings) as LastReadings & Record<string, unknown>;
}
