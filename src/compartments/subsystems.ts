import type { Host } from '../host/host.js';
import { io } from './io/io.js';
import type { Limits } from './limits.js';
import { net } from './net/net.js';
import { pids } from './pids/pids.js';
import { sched } from './sched/sched.js';
import {
  SUBSYSTEM_KINDS,
  type FlagRefusal,
  type Loaded,
  type Subsystem,
  type SubsystemKind,
} from './subsystem.js';
import { vm } from './vm/vm.js';

/** All subsystems by kind. Each is seen here without its own types: limits come checked from limits.ts. */
export const SUBSYSTEMS = { vm, sched, net, io, pids } as unknown as Readonly<
  Record<SubsystemKind, Subsystem<Record<string, unknown>, Record<string, unknown>>>
>;

/** The kinds that `limits` asks anything of. */
export function kindsAsked(limits: Limits): SubsystemKind[] {
  return (Object.keys(limits) as SubsystemKind[]).filter((kind) => limits[kind] !== undefined);
}

/** Those that every run has; the others it has where it asks for them. */
export const kindsOfRun = (limits: Limits): SubsystemKind[] =>
  SUBSYSTEM_KINDS.filter((kind) => !SUBSYSTEMS[kind].optional || limits[kind] !== undefined);

/** Can a compartment of this host have it at all? One without a controller of its own stands by itself. */
export const canHave = (host: Host, kind: SubsystemKind): boolean =>
  SUBSYSTEMS[kind].optional || SUBSYSTEMS[kind].controllers(host).length > 0;

/** Must a process be born into it, as it can neither enter nor leave it later? */
export const isForLife = (kind: SubsystemKind): boolean => SUBSYSTEMS[kind].placement !== undefined;

/**
 * Refuses limits that no host could hold together, whatever this one enforces.
 * @param loadedOf what is loaded of the compartment that they would change
 * @throws ERR_COMPART_USAGE
 */
export function checkLimits(
  host: Host,
  limits: Limits,
  loadedOf: (kind: SubsystemKind) => Loaded | null = () => null,
): void {
  for (const kind of kindsAsked(limits)) SUBSYSTEMS[kind].check(host, loadedOf(kind), { ...limits[kind] });
}

/** Everything in `limits` that this host cannot enforce. */
export function refusalsOf(host: Host, limits: Limits): FlagRefusal[] {
  return kindsAsked(limits).flatMap((kind) => SUBSYSTEMS[kind].refusals(host, { ...limits[kind] }));
}
