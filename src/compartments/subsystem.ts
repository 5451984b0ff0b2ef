import type { Refusal } from '../host/cgroup/base.js';
import type { Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import type { SubsystemRecord } from '../state/record.js';

export const SUBSYSTEM_KINDS = ['vm', 'sched', 'io', 'pids'] as const;
export type SubsystemKind = (typeof SUBSYSTEM_KINDS)[number];

/** A limit that this host cannot enforce, by the flag that asked for it. */
export interface FlagRefusal extends Refusal {
  flag: string;
}

/** What `doctor` says of a subsystem. */
export interface Probe {
  kind: SubsystemKind;
  /** `cgroup1`, `cgroup2`, or null where nothing can be enforced. */
  driver: string | null;
  refusals: FlagRefusal[];
}

/** What a process must do to be born inside the subsystem. */
export interface Placement {
  /** cgroup.procs files to join. */
  cgroups: string[];
}

/**
 * One part of a kernel, loadable alone. `L` are its limits (null: unlimited), `S` its readings, in the shapes
 * of docs/cli.md. Everything works from the record alone, so that another process can go on after a crash.
 */
export interface Subsystem<L extends object, S> {
  kind: SubsystemKind;
  /** The flag behind each limit, for messages. */
  flags: Readonly<Record<keyof L, string>>;
  probe(host: Host): Probe;
  /**
   * Refuses limits that make no sense together or on this machine, before anything is changed.
   * @param group what they would be added to, or null where nothing is in force yet
   * @throws ERR_COMPART_USAGE
   */
  check(host: Host, group: Group | null, asked: Partial<L>): void;
  /** Which of the asked limits this host cannot enforce, and why. */
  refusals(host: Host, asked: Partial<L>): FlagRefusal[];
  /** Controllers whose groups it wants; those the host lacks are left out by the group. */
  controllers(host: Host): string[];
  /**
   * Sets the limits on a group that exists, and reads them back. They have passed {@link check}.
   * @throws ERR_COMPART_KERNEL if the kernel refuses
   */
  load(host: Host, group: Group, asked: Partial<L>): { record: SubsystemRecord; placement: Placement };
  /** Changes limits of what runs, which have passed {@link check}. On failure the former limits are in force again. */
  update(host: Host, group: Group, record: SubsystemRecord, asked: Partial<L>): SubsystemRecord;
  /** The last reading, null where the host does not enforce this subsystem. */
  stats(host: Host, group: Group): S | null;
  /** What the kernel says is in force. */
  inForce(host: Host, group: Group): L | null;
  /** Lifts every limit; the group stays. */
  unload(host: Host, group: Group): void;
}
