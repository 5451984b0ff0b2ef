import { planGroup, type Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import type { Limits } from './limits.js';
import type { SubsystemKind } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';

/** The groups that a compartment of this name has with these kinds loaded: they follow from nothing else. */
export function groupOf(host: Host, name: string, kinds: readonly SubsystemKind[], idle: boolean): Group {
  const controllers = kinds.flatMap((kind) => SUBSYSTEMS[kind].controllers(host));
  return planGroup(host.layout, host.base, name, controllers, host.joinsV2, idle);
}

/** Do these limits ask for a compartment that gives way to all others? It stands in a place of its own. */
export const asksIdle = ({ sched }: Limits): boolean => sched?.weight === 'idle';
