import type { Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import { io } from './io/io.js';
import type { Limits } from './limits.js';
import { pids } from './pids/pids.js';
import { sched } from './sched/sched.js';
import type { FlagRefusal, Subsystem, SubsystemKind } from './subsystem.js';
import { vm } from './vm/vm.js';

/** All subsystems by kind. Each is seen here without its own types: limits come checked from limits.ts. */
export const SUBSYSTEMS = { vm, sched, io, pids } as unknown as Readonly<
  Record<SubsystemKind, Subsystem<Record<string, unknown>, Record<string, unknown>>>
>;

/** The kinds that `limits` asks anything of. */
export function kindsAsked(limits: Limits): SubsystemKind[] {
  return (Object.keys(limits) as SubsystemKind[]).filter((kind) => limits[kind] !== undefined);
}

/**
 * Refuses limits that no host could hold together, whatever this one enforces.
 * @param group the group they would change, or null for a new one
 * @throws ERR_COMPART_USAGE
 */
export function checkLimits(host: Host, limits: Limits, group: Group | null = null): void {
  for (const kind of kindsAsked(limits)) SUBSYSTEMS[kind].check(host, group, { ...limits[kind] });
}

/** Everything in `limits` that this host cannot enforce. */
export function refusalsOf(host: Host, limits: Limits): FlagRefusal[] {
  return kindsAsked(limits).flatMap((kind) => SUBSYSTEMS[kind].refusals(host, { ...limits[kind] }));
}
