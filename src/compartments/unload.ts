import { CompartError } from '../shared/errors.js';
import { groupDirs, groupPids, removeDirs, removeGroup } from '../host/cgroup/group.js';
import { leaveDirs } from '../host/cgroup/join.js';
import { readPids } from '../host/proc/pids.js';
import type { Compartment } from './compartment.js';
import { loadedKinds } from './readings.js';
import type { SubsystemKind } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';

/** A process that forks faster than it is moved leaves a child behind; then once more. */
const ROUNDS = 1000;

function empty({ host: { layout } }: Compartment, dirs: readonly string[], pidsLeft: () => number[]): void {
  for (let round = 0; round < ROUNDS; round += 1) {
    const pids = pidsLeft();
    if (pids.length === 0) return;
    for (const pid of pids) leaveDirs(layout, dirs, pid);
  }
  throw new CompartError('ERR_COMPART_BUSY', 'its processes fork faster than they can be moved', {
    hint: 'compart freeze it first',
  });
}

/**
 * Takes a subsystem out, or all of them: the processes go on, in the caller's own groups. With the last
 * subsystem the compartment goes.
 * @throws ERR_COMPART_NOT_FOUND if that kind is not loaded
 */
export function unloadSubsystem(compartment: Compartment, kind: SubsystemKind | null): void {
  const { store, record } = compartment;
  const loaded = loadedKinds(compartment);
  if (kind !== null && !loaded.includes(kind)) {
    throw new CompartError('ERR_COMPART_NOT_FOUND', `"${record.name}" has no ${kind} loaded`, {
      hint: `loaded: ${loaded.join(', ') || 'nothing'}`,
    });
  }
  const remaining = loaded.filter((name) => kind !== null && name !== kind);
  if (kind === null || remaining.length === 0) {
    empty(compartment, groupDirs(record.group), () => groupPids(record.group));
    removeGroup(record.group);
    store.drop(record.name);
    return;
  }
  takeOut(compartment, kind, remaining);
}

/** On v1 the subsystem has directories of its own and they go; on v2 only its limits do. */
function takeOut(compartment: Compartment, kind: SubsystemKind, remaining: readonly SubsystemKind[]): void {
  const { host, store, record } = compartment;
  const kept = new Set(remaining.flatMap((name) => SUBSYSTEMS[name].controllers(host)));
  const dirs = Object.fromEntries(
    Object.entries(record.group.dirs).filter(([name]) => kept.has(name) || name === 'freezer'),
  );
  const standing = new Set([record.group.identity, ...Object.values(dirs)]);
  const own = groupDirs(record.group).filter((dir) => !standing.has(dir));
  empty(compartment, own, () => own.flatMap((dir) => readPids(`${dir}/cgroup.procs`)));
  if (own.length === 0) SUBSYSTEMS[kind].unload(host, record.group);
  removeDirs(own);
  const { [kind]: _gone, ...subsystems } = record.subsystems;
  store.save({ ...record, group: { ...record.group, dirs }, subsystems });
}
