import { readdirSync } from 'node:fs';
import type { Pace } from '../../shared/pace.js';
import { parseSelfCgroup } from '../cgroup/detect.js';
import { KernelReader } from '../kernfs.js';
import { isAlive, isLiving, type Alive } from './identity.js';
import { parseStat, readProcessFile, type ProcessStat } from './stat.js';

/** A process, and by controller (`''` for v2) the group that it is in, as /proc/PID/cgroup has it. */
export interface ProcessEntry {
  stat: ProcessStat;
  groups: ReadonlyMap<string, string>;
}

/** Every process that runs, by pid. */
export type ProcessTable = ReadonlyMap<number, ProcessEntry>;

/**
 * Reads all processes, two files each, and stops after each, for whoever has time for others in between. What is about to end is left out, as v1 says of it that it is in
 * the root of every hierarchy (proc_cgroup_show).
 */
function* readingProcesses(proc: string): Generator<void, ProcessTable> {
  const files = new GroupFiles();
  const table = new Map<number, ProcessEntry>();
  for (const name of readdirSync(proc)) {
    if (!/^\d+$/.test(name)) continue;
    const entry = readEntry(files, proc, name);
    if (entry !== null) table.set(entry.stat.pid, entry);
    yield;
  }
  return table;
}

/** The same at once. */
export function readProcesses(proc: string): ProcessTable {
  const reading = readingProcesses(proc);
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
  }
}

/** The same in slices. */
export async function readProcessesBySlices(proc: string, pace: Pace): Promise<ProcessTable> {
  const reading = readingProcesses(proc);
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
    if (pace.isDue()) await pace.rest();
  }
}

/** {@link isAlive} for whoever has just looked at all processes: asks again only of what was not there. */
export const aliveIn =
  (proc: string, table: ProcessTable): Alive =>
  (identity) => {
    const entry = table.get(identity.pid);
    return (entry !== undefined && isLiving(entry.stat, identity)) || isAlive(proc, identity);
  };

/** The groups of one process, by controller; null where it has ended. @throws ERR_COMPART_KERNEL */
export function readGroups(proc: string, pid: number | 'self'): ReadonlyMap<string, string> | null {
  const text = readProcessFile(proc, pid, 'cgroup');
  return text === null ? null : parseSelfCgroup(text);
}

/** Where a process is one by one: v1 lets a thread be in another group than the others. */
export function threadGroups(proc: string, pid: number): Array<ReadonlyMap<string, string>> {
  const files = new GroupFiles();
  return threadsOf(proc, pid).flatMap((thread) => files.groupsAt(`${proc}/${pid}/task/${thread}`) ?? []);
}

function readEntry(files: GroupFiles, proc: string, pid: string): ProcessEntry | null {
  try {
    const stat = parseStat(files.reader.read(`${proc}/${pid}/stat`) ?? '');
    if (stat === null || stat.kernelThread || stat.state === 'X') return null;
    // Its first thread may have ended before the others, and is a zombie then: ask the last.
    const last = stat.state === 'Z' ? livingThread(proc, pid) : null;
    if (last === null && (stat.state === 'Z' || stat.exiting)) return null;
    const groups = files.groupsAt(last === null ? `${proc}/${pid}` : `${proc}/${pid}/task/${last}`);
    return groups === null ? null : { stat, groups };
  } catch {
    // ESRCH: it ended between open and read.
    return null;
  }
}

function livingThread(proc: string, pid: string): string | null {
  const last = threadsOf(proc, pid).at(-1) ?? pid;
  return last === pid ? null : last;
}

function threadsOf(proc: string, pid: number | string): string[] {
  try {
    return readdirSync(`${proc}/${pid}/task`);
  } catch {
    // It has ended.
    return [];
  }
}

/** Files of processes within one look. Most processes are where others are: the same text is parsed once. */
class GroupFiles {
  readonly reader = new KernelReader();
  readonly #known = new Map<string, ReadonlyMap<string, string>>();

  groupsAt(folder: string): ReadonlyMap<string, string> | null {
    try {
      const text = this.reader.read(`${folder}/cgroup`);
      return text === null ? null : this.#parse(text);
    } catch {
      return null;
    }
  }

  #parse(text: string): ReadonlyMap<string, string> {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const groups = parseSelfCgroup(text);
    this.#known.set(text, groups);
    return groups;
  }
}
