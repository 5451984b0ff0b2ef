import { CompartError } from '../shared/errors.js';
import { changeAlone, takeBack } from './change.js';
import type { Compartment } from './compartment.js';
import { groupDirs, groupPids } from '../host/cgroup/group.js';
import { mayLeave } from '../host/cgroup/join.js';
import { requireOrdinary } from './ordinary.js';
import { loadedKinds } from './readings.js';
import type { SubsystemKind } from './subsystem.js';
import { isForLife } from './subsystems.js';
import { keepUsage } from './usage.js';

/**
 * Takes a subsystem out, or all of them: the processes go on, in the caller's own groups. With the last
 * subsystem the compartment goes.
 * @throws ERR_COMPART_NOT_FOUND if that kind is not loaded
 */
export async function unloadSubsystem(compartment: Compartment, kind: SubsystemKind | null): Promise<void> {
  await changeAlone(compartment, (fresh) => takeOut(fresh, kind));
}

/** On v1 the subsystem has directories of its own and they go, if who is in them may leave; on v2 only its limits do. */
function takeOut(compartment: Compartment, kind: SubsystemKind | null): void {
  const { host, store, record } = compartment;
  requireOrdinary(compartment, 'nothing of it can be taken out while it is there');
  const loaded = loadedKinds(compartment);
  if (kind !== null && !loaded.includes(kind)) {
    throw new CompartError('ERR_COMPART_NOT_FOUND', `"${record.name}" has no ${kind} loaded`, {
      hint: `loaded: ${loaded.join(', ') || 'nothing'}`,
    });
  }
  refuseWhileInside(compartment, kind);
  refuseIdle(compartment, kind);
  if (kind === null || loaded.length === 1) refuseWhereNoneMayLeave(compartment);
  const remaining = Object.entries(record.subsystems).filter(([name]) => kind !== null && name !== kind);
  const rest = { host, store, record: { ...record, subsystems: Object.fromEntries(remaining) } };
  keepUsage(compartment);
  // From here on it is unloaded; what it had is surplus, to be taken back now or by whoever comes next.
  store.save(rest.record);
  takeBack(rest);
}

/** It stays where idle ones stand, with nothing left that says so. */
function refuseIdle({ record }: Compartment, kind: SubsystemKind | null): void {
  if (kind !== 'sched' || record.group.idle !== true || Object.keys(record.subsystems).length === 1) return;
  throw new CompartError('ERR_COMPART_BUSY', `"${record.name}" was made idle, and is so for its whole life`, {
    hint: `compart unload ${record.name} takes all of it away`,
  });
}

/** Before anything is changed: with the last subsystem its processes go back to the caller's own groups. */
function refuseWhereNoneMayLeave({ host, record }: Compartment): void {
  const { name, group } = record;
  if (groupPids(group).length === 0 || mayLeave(host.layout, groupDirs(group))) return;
  throw new CompartError(
    'ERR_COMPART_BUSY',
    `processes run in "${name}", and to move them back to your own groups is not this user's right`,
    { hint: `run it as root; compart set lifts limits, compart rm --force ${name} ends what runs` },
  );
}

/** What a process was born into it cannot leave: its namespaces. */
function refuseWhileInside(compartment: Compartment, kind: SubsystemKind | null): void {
  const { record } = compartment;
  const stays = loadedKinds(compartment).some((each) => (kind === null || kind === each) && isForLife(each));
  if (!stays || groupPids(record.group).length === 0) return;
  throw new CompartError(
    'ERR_COMPART_BUSY',
    `processes run in "${record.name}", and a running process cannot leave its network stack`,
    { hint: `compart set ${record.name} --net max lifts its limit; compart rm --force ends it` },
  );
}
