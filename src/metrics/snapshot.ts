import type {
  CpuMore,
  CpuStats,
  IoMore,
  IoStats,
  MemoryMore,
  MemoryStats,
  PidsMore,
  PidsStats,
} from '../host/cgroup/driver.js';
import type { LinkCounters } from '../host/network/counters.js';
import type { QdiscReading } from '../host/network/qdisc.js';
import type { GuestReport } from '../state/guest.js';
import type { CompartmentRecord } from '../state/record.js';
import type { HostTotals } from '../state/totals.js';
import type { ExitReason } from '../state/usage.js';

/** The values of the label `state`. */
export const STATES = ['created', 'running', 'frozen', 'stopping', 'exited', 'failed'] as const;
export type State = (typeof STATES)[number];

/** Who reads; the values of the label `collector`. */
export const COLLECTORS = ['cgroup', 'network', 'guest', 'state'] as const;
export type CollectorName = (typeof COLLECTORS)[number];

/** A network stack of a compartment's own, as seen from inside. */
export interface NetSnapshot {
  stack: 'own' | 'none';
  rxLimitBps: number | null;
  txLimitBps: number | null;
  carried: LinkCounters | null;
  rx: QdiscReading | null;
  tx: QdiscReading | null;
  conntrackEntries: number | null;
}

/** All that one scrape says of one compartment; a subsystem that is not loaded is null. */
export interface Snapshot {
  record: CompartmentRecord;
  state: State;
  frozen: boolean;
  frozenUs: number | null;
  /** Processes outside of groups that they belong in; null where nobody looked. */
  escaped: number | null;
  /** Processes that `--strict` has killed for that. */
  escapesKilled: number;
  vm: (MemoryStats & MemoryMore) | null;
  sched: (CpuStats & CpuMore) | null;
  io: (IoStats & IoMore) | null;
  pids: (PidsStats & PidsMore) | null;
  net: NetSnapshot | null;
  /** The last report of a guest, null before its first and for a compartment. */
  guest: GuestReport | null;
  /** Why its run ended, or null. */
  reason: ExitReason | null;
}

/** How one collector did in this scrape, and its errors since the process started. */
export interface Collected {
  seconds: number;
  success: boolean;
  errors: number;
}

/** All that one scrape says. */
export interface HostSnapshot {
  compartments: Snapshot[];
  /** Compartments that exist, those left out included. */
  count: number;
  /** Left out by the limit, in all scrapes of this process. */
  dropped: number;
  /** How groups are mounted; the label `hierarchy`. */
  hierarchy: string;
  totals: HostTotals;
  collected: Partial<Record<CollectorName, Collected>>;
}
