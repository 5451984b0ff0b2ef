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

/** Everything in `limits` that this host cannot enforce. */
export function refusalsOf(host: Host, limits: Limits): FlagRefusal[] {
  return kindsAsked(limits).flatMap((kind) => SUBSYSTEMS[kind].refusals(host, { ...limits[kind] }));
}
