import type { Compartment } from './compartment.js';
import type { SubsystemKind } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';
import type { LastReadings } from './verdict.js';

/** Kinds that are loaded, in the order of the record. */
export function loadedKinds({ record }: Compartment): SubsystemKind[] {
  return (Object.keys(record.subsystems) as SubsystemKind[]).filter((kind) => kind in SUBSYSTEMS);
}

/** One reading of every subsystem, by kind, in the shapes of docs/cli.md. */
export function readStats(compartment: Compartment): LastReadings & Record<string, unknown> {
  const readings = loadedKinds(compartment).map((kind) => [
    kind,
    SUBSYSTEMS[kind].stats(compartment.host, compartment.record.group),
  ]);
  return Object.fromEntries(readings) as LastReadings & Record<string, unknown>;
}
