import { killGroup } from '../host/cgroup/kill.js';
import { isEmpty, removeGroup, type Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import { isName } from '../state/record.js';
import type { Store } from '../state/store.js';
import { groupOf } from './groups.js';
import { SUBSYSTEM_KINDS } from './subsystem.js';

/** Where its groups can be, whatever its record says. */
const anyGroupOf = (host: Host, name: string): Group => groupOf(host, name, SUBSYSTEM_KINDS);

/** Does anything run in the groups of this name? */
export function runsUnder(host: Host, name: string): boolean {
  return isName(name) && !isEmpty(anyGroupOf(host, name));
}

/** Removes the groups and the folder of this name, in which nothing runs. */
export function forget(host: Host, store: Store, name: string): void {
  if (isName(name)) removeGroup(anyGroupOf(host, name));
  store.drop(name);
}

/** Ends what runs under this name and forgets it. */
export function removeDamaged(host: Host, store: Store, name: string): void {
  if (isName(name)) killGroup(anyGroupOf(host, name));
  forget(host, store, name);
}
