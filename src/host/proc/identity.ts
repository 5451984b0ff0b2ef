import { readStat } from './stat.js';

/** A process that can be recognised after its pid was reused: never a pid alone. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot (field 22 of /proc/PID/stat). */
  startTime: number;
}

export function identify(proc: string, pid: number | 'self'): ProcessIdentity | null {
  const stat = readStat(proc, pid);
  return stat === null ? null : { pid: stat.pid, startTime: stat.startTime };
}

/** Is this very process still there, and more than a zombie? */
export function isAlive(proc: string, identity: ProcessIdentity): boolean {
  const stat = readStat(proc, identity.pid);
  return stat !== null && stat.startTime === identity.startTime && stat.state !== 'Z' && stat.state !== 'X';
}
