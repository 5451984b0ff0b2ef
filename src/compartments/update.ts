import { CompartError, usageError } from '../shared/errors.js';
import { UndoStack } from '../shared/undo.js';
import { changeAlone } from './change.js';
import type { Compartment } from './compartment.js';
import { refuse } from './compartment.js';
import { groundOf, loadedOf } from './readings.js';
import type { Limits } from './limits.js';
import { checkLimits, kindsAsked, refusalsOf, SUBSYSTEMS } from './subsystems.js';

/**
 * Changes limits of what runs, at once: all of them or none. Everything is checked before the first is changed.
 * @returns the compartment as it is now
 * @throws ERR_COMPART_UNSUPPORTED, ERR_COMPART_BUSY if memory in use cannot be reclaimed (the limit stays)
 */
export async function updateLimits(compartment: Compartment, limits: Limits): Promise<Compartment> {
  return changeAlone(compartment, (fresh) => update(fresh, limits));
}

async function update(compartment: Compartment, limits: Limits): Promise<Compartment> {
  const { host, store, record } = compartment;
  const kinds = kindsAsked(limits);
  if (kinds.length === 0) throw usageError('no limit to set', `as in: compart set ${record.name} --mem 512M`);
  for (const kind of kinds) {
    if (kind in record.subsystems) continue;
    throw new CompartError('ERR_COMPART_NOT_FOUND', `"${record.name}" has no ${kind} loaded`, {
      hint: `add it: compart load ${kind} --name ${record.name}`,
    });
  }
  checkLimits(host, limits, (kind) => loadedOf(compartment, kind));
  refuse(refusalsOf(host, limits));
  const undo = new UndoStack();
  try {
    for (const kind of kinds) {
      const present = record.subsystems[kind];
      if (present === undefined) continue;
      const subsystem = SUBSYSTEMS[kind];
      const ground = groundOf(compartment);
      const loaded = { ground, record: present };
      const before = subsystem.undo(host, loaded);
      const asked = { ...limits[kind] };
      const changed = subsystem.update(
        host,
        loaded,
        (await subsystem.prepare?.(host, ground, asked, present)) ?? asked,
      );
      record.subsystems[kind] = changed;
      undo.add(
        `its new limit of ${kind}`,
        () => void subsystem.update(host, { ground, record: changed }, before),
      );
    }
    store.save(record);
  } catch (error) {
    throw undo.unwindFor(error, `compart inspect ${record.name} shows what is in force`);
  }
  return compartment;
}
