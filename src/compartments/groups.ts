import { planGroup, type Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import type { SubsystemKind } from './subsystem.js';
import { SUBSYSTEMS } from './subsystems.js';

/** The groups that a compartment of this name has with these kinds loaded: they follow from nothing else. */
export function groupOf(host: Host, name: string, kinds: readonly SubsystemKind[]): Group {
  const controllers = kinds.flatMap((kind) => SUBSYSTEMS[kind].controllers(host));
  return planGroup(host.layout, host.base, name, controllers, host.joinsV2);
}
