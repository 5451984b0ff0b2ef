import type { CpuStats, IoStats, MemoryStats, PidsStats } from '../host/cgroup/driver.js';
import type { NetStats } from '../compartments/net/record.js';

/** One reading of every subsystem that is loaded (docs/cli.md); null where the host does not enforce it. */
export interface Stats {
  vm?: MemoryStats | null;
  sched?: CpuStats | null;
  net?: NetStats | null;
  io?: IoStats | null;
  pids?: PidsStats | null;
}
