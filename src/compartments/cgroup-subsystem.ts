import { CompartError } from '../shared/errors.js';
import { takenBackFor } from '../shared/undo.js';
import type { Refusal } from '../host/cgroup/base.js';
import type { Driver, ReadGroup } from '../host/cgroup/driver.js';
import { groupReader, type Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import type { SubsystemRecord } from '../state/record.js';
import { readingOnce, writeKernelFile } from '../host/kernfs.js';
import type { FlagRefusal, Ground, Inspected, Loaded, Probe, Subsystem, SubsystemKind } from './subsystem.js';

/** What vm, sched, io and pids add to the common life of a subsystem that a cgroup controller enforces. */
export interface CgroupSubsystemDefinition<L extends object, S, M> {
  kind: SubsystemKind;
  flags: Readonly<Record<keyof L, string>>;
  drivers: { v1: Driver<L, S, M>; v2: Driver<L, S, M> };
  unlimited: L;
  /** One of each, for asking what the host can hold. */
  sample: L;
  /** The limits that result from asking for `asked` while `now` is in force. */
  merge(now: L, asked: Partial<L>): L;
  /** Refuses limits that make no sense together or on this machine. @throws ERR_COMPART_USAGE */
  validate(host: Host, limits: L): void;
  /** What the machine lacks beyond the controller (swap, say). */
  lacks(host: Host, asked: Partial<L>): FlagRefusal[];
  /** Prepares a change; throws to keep the old limits. */
  prepare?(group: Group, read: ReadGroup, now: L, next: L): void;
  /** Puts the kernel's refusal into words. */
  explain?(error: CompartError, read: ReadGroup, now: L, next: L): CompartError;
}

/** The subsystem that a definition describes. */
export class CgroupSubsystem<L extends object, S, M> implements Subsystem<L, S> {
  readonly kind: SubsystemKind;
  readonly optional = false;
  readonly flags: Readonly<Record<keyof L, string>>;
  readonly #definition: CgroupSubsystemDefinition<L, S, M>;

  constructor(definition: CgroupSubsystemDefinition<L, S, M>) {
    this.kind = definition.kind;
    this.flags = definition.flags;
    this.#definition = definition;
  }

  probe(host: Host): Probe {
    const driver = this.#refused(host) === null ? (this.#driver(host)?.name ?? null) : null;
    return { kind: this.kind, driver, refusals: this.refusals(host, this.#definition.sample) };
  }

  check(host: Host, loaded: Loaded | null, asked: Partial<L>): void {
    const now = loaded === null ? null : this.#inForce(host, loaded);
    this.#definition.validate(host, this.#definition.merge(now ?? this.#definition.unlimited, asked));
  }

  refusals(host: Host, asked: Partial<L>): FlagRefusal[] {
    const driver = this.#driver(host);
    const reason = this.#refused(host);
    if (driver === null || reason !== null) {
      const why = reason ?? { why: 'the controller is missing', mend: 'compart doctor' };
      return [...new Set(this.#names(asked).map((name) => this.flags[name]))].map((flag) => ({
        flag,
        ...why,
      }));
    }
    const limits = { ...this.#definition.unlimited, ...asked };
    const unenforceable = driver
      .unenforceable(limits, (name) => host.refusal(name))
      .map(({ limit, why, mend }) => ({ flag: this.flags[limit], why, mend }));
    return [...unenforceable, ...this.#definition.lacks(host, asked)];
  }

  controllers(host: Host): string[] {
    const driver = this.#driver(host);
    if (driver === null || this.#refused(host) !== null) return [];
    return [...driver.needs, ...driver.uses.filter((name) => host.refusal(name) === null)];
  }

  load(host: Host, { group }: Ground, asked: Partial<L>): SubsystemRecord {
    const driver = this.#required(host);
    const limits = this.#definition.merge(this.#definition.unlimited, asked);
    const named = this.#names(asked).length > 0;
    const inForce = named ? apply(driver, group, limits) : driver.inForce(groupReader(group));
    return { driver: driver.name, limits: inForce, notEnforced: [] };
  }

  update(host: Host, { ground: { group }, record }: Loaded, asked: Partial<L>): SubsystemRecord {
    const driver = this.#required(host);
    const read = groupReader(group);
    const now = driver.inForce(read);
    const next = this.#definition.merge(now, asked);
    this.#definition.prepare?.(group, read, now, next);
    let inForce: L;
    try {
      inForce = apply(driver, group, next);
    } catch (error) {
      const explained =
        error instanceof CompartError ? (this.#definition.explain?.(error, read, now, next) ?? error) : error;
      throw takenBackFor(
        explained,
        `a part of the new limit of ${this.kind}`,
        () => void apply(driver, group, now),
      );
    }
    const enforcedNow = new Set(this.#names(asked).map((name) => this.flags[name]));
    const notEnforced = record.notEnforced.filter((flag) => !enforcedNow.has(flag));
    return { ...record, limits: inForce, notEnforced };
  }

  undo(host: Host, loaded: Loaded): Partial<L> {
    return this.#inForce(host, loaded) ?? {};
  }

  stats(host: Host, { ground: { group } }: Loaded): S | null {
    return this.#driver(host)?.stats(groupReader(group, readingOnce())) ?? null;
  }

  /** As {@link stats}, of the group that `read` is of: the caller decides how often each file is read. */
  statsBy(host: Host, read: ReadGroup): S | null {
    return this.#driver(host)?.stats(read) ?? null;
  }

  /** All that metrics show; `read` is of the group. Null where the host does not enforce this subsystem. */
  readAll(host: Host, read: ReadGroup): (S & M) | null {
    const driver = this.#driver(host);
    return driver === null ? null : { ...driver.stats(read), ...driver.more(read) };
  }

  glance(host: Host, { ground: { group } }: Loaded): Partial<S> | null {
    return this.#driver(host)?.glance(groupReader(group)) ?? null;
  }

  inspect(host: Host, { ground: { group } }: Loaded): Inspected<S> {
    const driver = this.#driver(host);
    const read = groupReader(group, readingOnce());
    return { limits: driver?.inForce(read) ?? null, stats: driver?.stats(read) ?? null, fault: null };
  }

  #inForce(host: Host, { ground: { group } }: Loaded): L | null {
    return this.#driver(host)?.inForce(groupReader(group)) ?? null;
  }

  lift(host: Host, { group }: Ground): void {
    const driver = this.#driver(host);
    if (driver !== null) apply(driver, group, this.#definition.unlimited);
  }

  /** v1 where its controller is mounted, else v2: a controller is in one hierarchy only. */
  #driver(host: Host): Driver<L, S, M> | null {
    const { v1, v2 } = this.#definition.drivers;
    if (v1.needs.every((name) => host.versionOf(name) === 1)) return v1;
    return v2.needs.every((name) => host.versionOf(name) === 2) ? v2 : null;
  }

  #required(host: Host): Driver<L, S, M> {
    const driver = this.#driver(host);
    if (driver !== null) return driver;
    throw new CompartError('ERR_COMPART_UNSUPPORTED', `this host has no controller for ${this.kind}`, {
      hint: 'compart doctor',
    });
  }

  /** Why nothing of this subsystem can be had, or null. */
  #refused(host: Host): Refusal | null {
    const { v1, v2 } = this.#definition.drivers;
    const driver = this.#driver(host) ?? (host.layout.mode === 'unified' ? v2 : v1);
    return host.refusal(driver.needs[0] ?? this.kind);
  }

  #names(asked: Partial<L>): Array<keyof L> {
    return (Object.keys(this.flags) as Array<keyof L>).filter((name) => name in asked);
  }
}

/** Writes the limits and returns what the kernel says is in force then. */
function apply<L extends object>(driver: Driver<L, unknown>, group: Group, limits: L): L {
  for (const { controller, file, value } of driver.writes(limits, groupReader(group))) {
    writeKernelFile(`${group.dirs[controller] ?? ''}/${file}`, value);
  }
  const inForce = driver.inForce(groupReader(group));
  verify(inForce, limits);
  return inForce;
}

/** A limit that was written and is not there was pretended: a kernel that took it without keeping it. */
function verify<L extends object>(inForce: L, limits: L): void {
  for (const name of Object.keys(limits) as Array<keyof L>) {
    const none = inForce[name] === null || (inForce[name] === 0 && Number(limits[name]) > 0);
    if (limits[name] === null || !none) continue;
    throw new CompartError(
      'ERR_COMPART_KERNEL',
      `the kernel took ${String(name)} ${String(limits[name])} and does not hold it`,
    );
  }
}
