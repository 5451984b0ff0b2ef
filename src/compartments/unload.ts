import { CompartError } from '../shared/errors.js';
import { changeAlone, surplusOf, takeBack } from './change.js';
import type { Compartment } from './compartment.js';
import { loadedKinds } from './readings.js';
import type { SubsystemKind } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';

/**
 * Takes a subsystem out, or all of them: the processes go on, in the caller's own groups. With the last
 * subsystem the compartment goes.
 * @throws ERR_COMPART_NOT_FOUND if that kind is not loaded
 */
export async function unloadSubsystem(compartment: Compartment, kind: SubsystemKind | null): Promise<void> {
  await changeAlone(compartment, (fresh) => takeOut(fresh, kind));
}

/** On v1 the subsystem has directories of its own and they go; on v2 only its limits do. */
function takeOut(compartment: Compartment, kind: SubsystemKind | null): void {
  const { host, store, record } = compartment;
  const loaded = loadedKinds(compartment);
  if (kind !== null && !loaded.includes(kind)) {
    throw new CompartError('ERR_COMPART_NOT_FOUND', `"${record.name}" has no ${kind} loaded`, {
      hint: `loaded: ${loaded.join(', ') || 'nothing'}`,
    });
  }
  const remaining = Object.entries(record.subsystems).filter(([name]) => kind !== null && name !== kind);
  const rest = { host, store, record: { ...record, subsystems: Object.fromEntries(remaining) } };
  if (kind !== null && surplusOf(rest).length === 0) SUBSYSTEMS[kind].unload(host, record.group);
  // From here on it is unloaded; what it had is surplus, to be removed now or by whoever comes next.
  store.save(rest.record);
  takeBack(rest);
}
