import { killGroup } from '../host/cgroup/kill.js';
import { isEmpty, planGroup, removeGroup, type Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import { isName } from '../state/record.js';
import type { Store } from '../state/store.js';
import { SUBSYSTEM_KINDS } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';

/** Where the groups of a compartment are follows from its name, whatever its record says. */
function groupOf(host: Host, name: string): Group {
  const controllers = SUBSYSTEM_KINDS.flatMap((kind) => SUBSYSTEMS[kind].controllers(host));
  return planGroup(host.layout, host.base, name, controllers, host.joinsV2);
}

/** Does anything run in the groups of this name? */
export function runsUnder(host: Host, name: string): boolean {
  return isName(name) && !isEmpty(groupOf(host, name));
}

/** Removes the groups and the folder of this name, in which nothing runs. */
export function forget(host: Host, store: Store, name: string): void {
  if (isName(name)) removeGroup(groupOf(host, name));
  store.drop(name);
}

/** Ends what runs under this name and forgets it. */
export function removeDamaged(host: Host, store: Store, name: string): void {
  if (isName(name)) killGroup(groupOf(host, name));
  forget(host, store, name);
}
