import { kernelErrno, readKernelFile } from '../kernfs.js';

/** The fields of /proc/PID/stat that compart reads (proc_pid_stat(5)). */
export interface ProcessStat {
  pid: number;
  command: string;
  /** `R`, `S`, `D`, `T` stopped, `Z` zombie … */
  state: string;
  parent: number;
  processGroup: number;
  /** Foreground process group of the controlling terminal, -1 without one. */
  foregroundGroup: number;
  kernelThread: boolean;
  /** It has begun to end. */
  exiting: boolean;
  threads: number;
  /** Clock ticks since boot at which it started: with the pid, an identity that is never reused. */
  startTime: number;
}

const PF_KTHREAD = 0x00200000;
const PF_EXITING = 0x00000004;

/** Parses /proc/PID/stat; the command may hold blanks and parentheses, so fields count from the last `)`. */
export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const rest = text.slice(close + 2).split(' ');
  const at = (field: number): number => Number(rest[field - 3] ?? Number.NaN);
  if (rest.length < 20) return null;
  return {
    pid: Number(text.slice(0, open - 1)),
    command: text.slice(open + 1, close),
    state: rest[0] ?? '?',
    parent: at(4),
    processGroup: at(5),
    foregroundGroup: at(8),
    kernelThread: (at(9) & PF_KTHREAD) !== 0,
    exiting: (at(9) & PF_EXITING) !== 0,
    threads: at(20),
    startTime: at(22),
  };
}

/**
 * A process as it is now, or null if there is none with this pid.
 * @throws ERR_COMPART_KERNEL where that cannot be seen (EMFILE): whoever took it for dead would sweep what it owns
 */
export function readStat(proc: string, pid: number | 'self'): ProcessStat | null {
  const text = readProcessFile(proc, pid, 'stat');
  return text === null ? null : parseStat(text);
}

/** A file of a process, or null where that has ended. @throws ERR_COMPART_KERNEL as {@link readKernelFile} */
export function readProcessFile(proc: string, pid: number | 'self', name: string): string | null {
  try {
    return readKernelFile(`${proc}/${pid}/${name}`);
  } catch (error) {
    // It ended between open and read.
    if (kernelErrno(error) === 'ESRCH') return null;
    throw error;
  }
}
