import { CompartError } from '../../shared/errors.js';
import { readStat, type ProcessStat } from './stat.js';

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

/** By where procfs is: it stays what it is, and reading it has the kernel add up the times of every thread. */
const known = new Map<string, ProcessIdentity>();

/** The process that runs now, so that it can be recognised when it is gone. @throws ERR_COMPART_UNSUPPORTED without procfs */
export function selfIdentity(proc: string): ProcessIdentity {
  const self = known.get(proc) ?? identify(proc, 'self');
  if (self !== null) {
    known.set(proc, self);
    return self;
  }
  throw new CompartError('ERR_COMPART_UNSUPPORTED', `${proc}/self/stat cannot be read`, {
    hint: 'mount -t proc proc /proc',
  });
}

/** Is this very process still there, and more than a zombie? */
export function isAlive(proc: string, identity: ProcessIdentity): boolean {
  const stat = readStat(proc, identity.pid);
  return stat !== null && isLiving(stat, identity);
}

/** Is it this very process that looks so, and more than a zombie? Pure. */
export const isLiving = ({ startTime, state }: ProcessStat, identity: ProcessIdentity): boolean =>
  startTime === identity.startTime && state !== 'Z' && state !== 'X';

/** {@link isAlive}, however it is known. */
export type Alive = (identity: ProcessIdentity) => boolean;

/** By asking the kernel of each. */
export const aliveAt =
  (proc: string): Alive =>
  (identity) =>
    isAlive(proc, identity);

/** As it is written down, here and by native/relay.c: `PID_STARTTIME`. */
export const formatIdentity = ({ pid, startTime }: ProcessIdentity): string => `${pid}_${startTime}`;

/** Reads {@link formatIdentity}'s text; null for any other. */
export function parseIdentity(text: string): ProcessIdentity | null {
  const match = /^(\d+)_(\d+)$/.exec(text);
  return match ? { pid: Number(match[1]), startTime: Number(match[2]) } : null;
}
