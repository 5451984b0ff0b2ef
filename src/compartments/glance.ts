import type { CpuStats, MemoryStats, PidsStats } from '../host/cgroup/driver.js';
import type { Alive } from '../host/proc/identity.js';
import type { Compartment } from './compartment.js';
import { headOf } from './inspect.js';
import type { NetStats } from './net/record.js';
import { loadedKinds, loadedOf } from './readings.js';
import { SUBSYSTEMS } from './subsystems.js';

/**
 * What a line of `compart ps` shows: of each subsystem the usage and the limit, in the units of docs/cli.md. One that is not
 * loaded is absent, one that the host does not enforce null. A third of the files of an inspection tell it, and
 * no process has to be started for its network unless that has a rate.
 */
export interface Glance {
  head: ReturnType<typeof headOf>;
  vm?: Pick<MemoryStats, 'usageBytes' | 'limitBytes'> | null;
  sched?: Pick<CpuStats, 'usageUs' | 'limitCpus'> | null;
  net?: Pick<NetStats, 'rxLimitBps' | 'txLimitBps'> | null;
  pids?: Pick<PidsStats, 'current' | 'limit'> | null;
}

/** One look at what is shown of a compartment beside many others. @throws ERR_COMPART_KERNEL */
export function glanceAt(compartment: Compartment, alive: Alive): Glance {
  const readings = loadedKinds(compartment).map((kind) => {
    const loaded = loadedOf(compartment, kind);
    return [kind, loaded && SUBSYSTEMS[kind].glance(compartment.host, loaded)] as const;
  });
  return { head: headOf(compartment, alive), ...(Object.fromEntries(readings) as Omit<Glance, 'head'>) };
}
