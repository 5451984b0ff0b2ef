import type { LoadRequest } from '../../src/compartments/load.js';
import type { SubsystemKind } from '../../src/compartments/subsystem.js';

/** The JSON shapes of docs/cli.md, as far as tests read them. */
export interface VmStats {
  usageBytes: number;
  limitBytes: number | null;
  peakBytes: number;
  cacheBytes: number;
  swapBytes: number;
  swapLimitBytes: number | null;
  oomKills: number;
  limitHits: number;
  /** Both null where the kernel does not tell. */
  highBytes: number | null;
  pressureFullUs: number | null;
}

export interface SchedStats {
  usageUs: number;
  limitCpus: number | null;
  weight: number | null;
  cpus: string | null;
  periods: number;
  throttledPeriods: number;
  /** Null where the kernel does not tell. */
  pressureSomeUs: number | null;
}

export interface IoStats {
  readBytes: number;
  writeBytes: number;
  readOps: number;
  writeOps: number;
}

export interface PidsStats {
  current: number;
  limit: number | null;
  peak: number;
  denied: number;
}

/** rx is what the compartment downloads. */
export interface NetStats {
  rxBytes: number;
  txBytes: number;
  rxPackets: number;
  txPackets: number;
  rxDropped: number;
  txDropped: number;
  rxLimitBps: number | null;
  txLimitBps: number | null;
  address: string | null;
  published: string[];
  refused: number | null;
}

export interface Stats {
  vm: VmStats;
  sched: SchedStats;
  io: IoStats;
  pids: PidsStats;
}

/** What `--report` writes and `history --json` lists. */
export interface ExitRecord {
  name: string;
  command: string[];
  startedAt: string;
  endedAt: string;
  wallUs: number;
  exitCode: number | null;
  signal: string | null;
  verdict: string;
  limitHit: string | null;
  stats: Stats;
}

interface Loaded<S> {
  driver: string;
  enforced: boolean;
  notEnforced: string[];
  limits: Record<string, unknown>;
  stats: S;
}

/** What `inspect` says, and `ps --json` of each without `spec`. */
export interface Inspection {
  name: string;
  state: string;
  pid: number | null;
  command: string[] | null;
  labels: Record<string, string>;
  subsystems: { [K in keyof Stats]: Loaded<Stats[K]> };
}

/** What `--json` prints on stderr. */
export interface ErrorAnswer {
  error: { code: string; message: string; hint: string | null };
}

/** Keys by subsystem, as docs/cli.md has them under "JSON shapes". */
export const STATS_KEYS = {
  vm: 'usageBytes limitBytes highBytes peakBytes workingSetBytes anonBytes cacheBytes swapBytes swapLimitBytes oomKills limitHits pressureSomeUs pressureFullUs',
  sched: 'usageUs userUs systemUs limitCpus weight cpus periods throttledPeriods throttledUs pressureSomeUs',
  io: 'readBytes writeBytes readOps writeOps pressureSomeUs',
  pids: 'current limit peak denied',
} as const;
/** Those that a cgroup holds, which every run has. */
export const KINDS = Object.keys(STATS_KEYS) as Array<keyof typeof STATS_KEYS>;

export const sorted = (keys: readonly string[]): string[] => [...keys].sort();
export const keysOf = (value: unknown): string[] => sorted(Object.keys(value as object));

/** What `load` takes, in the order of `doctor`. */
export const ALL_KINDS = ['vm', 'sched', 'net', 'io', 'pids'];

/** What asks for one subsystem without limits. */
export const loadRequest = (kind: SubsystemKind, name: string): LoadRequest => ({
  kind,
  name,
  limits: {},
  labels: {},
  spec: {
    command: null,
    workdir: null,
    user: null,
    env: [],
    timeoutMs: null,
    keep: false,
    detached: false,
    limits: {},
    project: null,
  },
  bestEffort: false,
});
