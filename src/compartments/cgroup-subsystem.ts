import { CompartError } from '../shared/errors.js';
import type { Refusal } from '../host/cgroup/base.js';
import type { Driver, ReadGroup } from '../host/cgroup/driver.js';
import { groupReader, type Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import { writeKernelFile } from '../host/kernfs.js';
import type { FlagRefusal, Subsystem, SubsystemKind } from './subsystem.js';

/** What vm, sched, io and pids add to the common life of a subsystem that a cgroup controller enforces. */
export interface CgroupSubsystemDefinition<L extends object, S> {
  kind: SubsystemKind;
  flags: Readonly<Record<keyof L, string>>;
  drivers: { v1: Driver<L, S>; v2: Driver<L, S> };
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
export function cgroupSubsystem<L extends object, S>(definition: CgroupSubsystemDefinition<L, S>): Subsystem<L, S> {
  const { kind, flags, drivers } = definition;

  /** v1 where its controller is mounted, else v2: a controller is in one hierarchy only. */
  const pick = (host: Host): Driver<L, S> | null => {
    if (drivers.v1.needs.every((name) => host.versionOf(name) === 1)) return drivers.v1;
    return drivers.v2.needs.every((name) => host.versionOf(name) === 2) ? drivers.v2 : null;
  };
  const names = Object.keys(flags) as Array<keyof L>;
  const askedNames = (asked: Partial<L>): Array<keyof L> => names.filter((name) => name in asked);

  /** Why nothing of this subsystem can be had, or null. */
  const refused = (host: Host): Refusal | null => {
    const driver = pick(host) ?? (host.layout.mode === 'unified' ? drivers.v2 : drivers.v1);
    return host.refusal(driver.needs[0] ?? kind);
  };

  const refusals = (host: Host, asked: Partial<L>): FlagRefusal[] => {
    const driver = pick(host);
    const reason = refused(host);
    if (driver === null || reason !== null) {
      const why = reason ?? { why: 'the controller is missing', mend: 'compart doctor' };
      return [...new Set(askedNames(asked).map((name) => flags[name]))].map((flag) => ({ flag, ...why }));
    }
    const limits = { ...definition.unlimited, ...asked };
    const unenforceable = driver
      .unenforceable(limits, (name) => host.refusal(name) === null)
      .map(({ limit, why, mend }) => ({ flag: flags[limit], why, mend }));
    return [...unenforceable, ...definition.lacks(host, asked)];
  };

  const apply = (driver: Driver<L, S>, group: Group, read: ReadGroup, limits: L): void => {
    for (const { controller, file, value } of driver.writes(limits, read)) {
      writeKernelFile(`${group.dirs[controller] ?? ''}/${file}`, value);
    }
  };

  const required = (host: Host): Driver<L, S> => {
    const driver = pick(host);
    if (driver !== null) return driver;
    throw new CompartError('ERR_COMPART_UNSUPPORTED', `this host has no controller for ${kind}`, { hint: 'compart doctor' });
  };

  return {
    kind,
    flags,
    refusals,
    probe: (host) => ({
      kind,
      driver: refused(host) === null ? (pick(host)?.name ?? null) : null,
      refusals: refusals(host, definition.sample),
    }),
    controllers: (host) => {
      const driver = pick(host);
      if (driver === null || refused(host) !== null) return [];
      return [...driver.needs, ...driver.uses.filter((name) => host.refusal(name) === null)];
    },
    load: (host, group, asked) => {
      const driver = required(host);
      const read = groupReader(group);
      const limits = definition.merge(definition.unlimited, asked);
      definition.validate(host, limits);
      if (askedNames(asked).length > 0) apply(driver, group, read, limits);
      const record = { driver: driver.name, limits: driver.inForce(read), notEnforced: [] };
      const cgroups = new Set([...driver.needs, ...driver.uses].flatMap((name) => group.dirs[name] ?? []));
      return { record, placement: { cgroups: [...cgroups].map((dir) => `${dir}/cgroup.procs`) } };
    },
    update: (host, group, record, asked) => {
      const driver = required(host);
      const read = groupReader(group);
      const now = driver.inForce(read);
      const next = definition.merge(now, asked);
      definition.validate(host, next);
      definition.prepare?.(group, read, now, next);
      try {
        apply(driver, group, read, next);
      } catch (error) {
        apply(driver, group, read, now);
        if (!(error instanceof CompartError)) throw error;
        throw definition.explain?.(error, read, now, next) ?? error;
      }
      return { ...record, limits: driver.inForce(read), notEnforced: record.notEnforced.filter((flag) => !askedNames(asked).some((name) => flags[name] === flag)) };
    },
    stats: (host, group) => pick(host)?.stats(groupReader(group)) ?? null,
    inForce: (host, group) => pick(host)?.inForce(groupReader(group)) ?? null,
    unload: (host, group) => {
      const driver = pick(host);
      if (driver !== null) apply(driver, group, groupReader(group), definition.unlimited);
    },
  };
}
