import type { Refusal } from '../host/cgroup/base.js';
import type { Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import type { LaunchPlan } from '../host/plan.js';
import type { SubsystemRecord } from '../state/record.js';

export const SUBSYSTEM_KINDS = ['vm', 'sched', 'net', 'io', 'pids'] as const;
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

/** What a process must do to be born inside a subsystem, besides joining the groups of its compartment. */
export type Placement = Pick<LaunchPlan, 'namespaces' | 'sysctls' | 'userns' | 'binds' | 'capDrop'>;

/** Whom a subsystem is loaded for. */
export interface Ground {
  id: string;
  name: string;
  /** The state folder, and in it that of the compartment. */
  state: string;
  folder: string;
  group: Group;
  /** The file that it came up with others from: they know each other's names. */
  project: string | null;
}

/**
 * One part of a kernel, loadable alone. `L` are its limits (null: unlimited), `S` its readings, in the shapes
 * of docs/cli.md. Everything works from the record alone, so that another process can go on after a crash.
 */
export interface Subsystem<L extends object, S> {
  kind: SubsystemKind;
  /** The flag behind each limit, for messages. */
  flags: Readonly<Record<keyof L, string>>;
  /** Only where it is asked for: a compartment without it is not poorer for it. */
  optional: boolean;
  probe(host: Host): Probe;
  /**
   * Refuses limits that make no sense together or on this machine, before anything is changed.
   * @param loaded what they would be added to, or null where nothing is in force yet
   * @throws ERR_COMPART_USAGE
   */
  check(host: Host, loaded: Loaded | null, asked: Partial<L>): void;
  /** Which of the asked limits this host cannot enforce, and why. */
  refusals(host: Host, asked: Partial<L>): FlagRefusal[];
  /** Controllers whose groups it wants; those the host lacks are left out by the group. */
  controllers(host: Host): string[];
  /** What has to be waited for before {@link load} or {@link update}: names to be looked up, programs to be started. */
  prepare?(host: Host, ground: Ground, asked: Partial<L>, now: SubsystemRecord | null): Promise<Partial<L>>;
  /**
   * Sets the limits for a group that exists, and reads them back. They have passed {@link check}.
   * @throws ERR_COMPART_KERNEL if the kernel refuses
   */
  load(host: Host, ground: Ground, asked: Partial<L>): SubsystemRecord | Promise<SubsystemRecord>;
  /** Changes limits of what runs, which have passed {@link check}. On failure the former limits are in force again. */
  update(host: Host, loaded: Loaded, asked: Partial<L>): SubsystemRecord;
  /** What puts the limits back that were in force, for {@link update}. */
  undo(host: Host, loaded: Loaded): Partial<L>;
  /** The last reading, null where the host does not enforce this subsystem. */
  stats(host: Host, loaded: Loaded): S | null;
  /** Of {@link stats} what a line of `ps` shows, from as little as that takes. */
  glance(host: Host, loaded: Loaded): Partial<S> | null;
  /** All that `inspect` shows, from one look at the kernel. */
  inspect(host: Host, loaded: Loaded): Inspected<S>;
  /** What is in the kernel other than was loaded: somebody took it away. Null where all is in order. */
  fault?(host: Host, loaded: Loaded): string | null;
  /** How a command gets in. @throws ERR_COMPART_KERNEL where what would hold it is not there */
  placement?(host: Host, loaded: Loaded): Placement;
  /** Lifts every limit that a group has; the group stays. May be repeated. */
  lift?(host: Host, ground: Ground): void;
  /** Takes away what it made besides groups, whether or not its record was saved. May be repeated. */
  release?(host: Host, ground: Ground): void;
}

/** Subsystems of one kind that a process which stays has loaded ahead, and what it reads of them sooner than others. */
export interface Ahead {
  /**
   * Hands one over, if there is one with these limits, which have passed {@link Subsystem.check}.
   * @returns null where it is to be loaded as ever
   */
  take(host: Host, ground: Ground, asked: object): Promise<SubsystemRecord | null>;
  /** As {@link Subsystem.stats}, while the event loop goes on; null where that is to be asked. */
  stats(host: Host, loaded: Loaded): Promise<object | null>;
}

/** What the kernel says of a loaded subsystem. */
export interface Inspected<S> {
  /** In force, null where the host does not enforce it. */
  limits: object | null;
  stats: S | null;
  /** What somebody took away of what was loaded, or null. */
  fault: string | null;
}

/** A subsystem that is loaded, and what its record says. */
export interface Loaded {
  ground: Ground;
  record: SubsystemRecord;
}
