import { CompartError } from '../shared/errors.js';
import { foldNotes } from '../state/fold.js';
import { readReport } from '../state/guest.js';
import { Ledger } from '../state/ledger.js';
import { usageOf, type Readings, type Usage } from '../state/usage.js';
import type { Compartment } from './compartment.js';
import { carriedBy } from './net/readings.js';
import type { NetRecord } from './net/record.js';
import { loadedKinds, loadedOf } from './readings.js';
import type { SubsystemKind } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';

/** What a compartment has used by now: a few files, and no process of tc(8) for its stack. */
function usageNow(compartment: Compartment): Usage {
  const read = (kind: SubsystemKind): unknown => {
    const loaded = loadedOf(compartment, kind);
    if (loaded === null) return null;
    if (kind === 'net') return carriedBy(compartment.host, loaded.record as NetRecord);
    return SUBSYSTEMS[kind].stats(compartment.host, loaded);
  };
  const readings: Readings = Object.fromEntries(loadedKinds(compartment).map((kind) => [kind, read(kind)]));
  const { store, record } = compartment;
  const report = record.guest === undefined ? null : readReport(store.folder(record.name));
  return usageOf(readings, report?.readyUs);
}

/**
 * Keeps for the totals of the host what a compartment has used, before its counters go without an exit record. What
 * cannot be kept (a full disk) holds nobody up.
 */
export function keepUsage(compartment: Compartment): void {
  const { store, record } = compartment;
  try {
    new Ledger(store.root).note(record, usageNow(compartment));
    // Looked at now and then: reading the names costs more than writing the note.
    if (record.id.endsWith('0')) foldNotes(store.root, compartment.host.paths.proc);
  } catch (error) {
    if (!(error instanceof CompartError)) throw error;
  }
}
