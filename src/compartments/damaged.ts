import { killGroup } from '../host/cgroup/kill.js';
import { isEmpty, removeGroup, type Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import { isName } from '../state/record.js';
import type { Store } from '../state/store.js';
import { groupOf } from './groups.js';
import { SUBSYSTEM_KINDS } from './subsystem.js';

/** Where its groups can be, whatever its record says. */
const anyGroupsOf = (host: Host, name: string): Group[] =>
  [false, true].map((idle) => groupOf(host, name, SUBSYSTEM_KINDS, idle));

/** Does anything run in the groups of this name? */
export function runsUnder(host: Host, name: string): boolean {
  return isName(name) && !anyGroupsOf(host, name).every((group) => isEmpty(group));
}

/** Removes the groups and the folder of this name, in which nothing runs. */
export function forget(host: Host, store: Store, name: string): void {
  if (isName(name)) anyGroupsOf(host, name).forEach(removeGroup);
  store.drop(name);
}

/** Ends what runs under this name and forgets it. */
export function removeDamaged(host: Host, store: Store, name: string): void {
  if (isName(name)) anyGroupsOf(host, name).forEach(killGroup);
  forget(host, store, name);
}
