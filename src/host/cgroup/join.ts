import { CompartError } from '../../shared/errors.js';
import type { Host } from '../host.js';
import { kernelErrno, mayWrite, writeKernelFile } from '../kernfs.js';
import { readStat } from '../proc/stat.js';
import type { CgroupLayout, Hierarchy } from './detect.js';
import { groupDirs, type Group } from './group.js';
import { attachByManager } from './systemd.js';

/**
 * Moves a running process, with all its threads, into every directory of the group.
 * @returns false if it ended before it could be moved
 */
export async function joinGroup(host: Host, group: Group, name: string, pid: number): Promise<boolean> {
  if (host.base.unit === 'user') {
    try {
      await attachByManager('user', name, pid);
      return true;
    } catch (error) {
      if (hasEnded(host.paths.proc, pid)) return false;
      throw error;
    }
  }
  return groupDirs(group).every((dir) => move(pid, dir));
}

function hasEnded(proc: string, pid: number): boolean {
  const stat = readStat(proc, pid);
  return stat === null || stat.state === 'Z';
}

/**
 * Moves a process out of the given directories into the caller's own groups of the same hierarchies.
 * @returns false if it ended meanwhile
 */
export function leaveDirs(layout: CgroupLayout, dirs: readonly string[], pid: number): boolean {
  return dirs.every((dir) => {
    const hierarchy = hierarchyHolding(layout, dir);
    if (hierarchy === null) throw new CompartError('ERR_COMPART_KERNEL', `${dir} is in no mounted hierarchy`);
    return move(pid, hierarchy.mountPoint + hierarchy.self);
  });
}

/** May this user put processes from the given directories into its own groups of the same hierarchies? */
export function mayLeave(layout: CgroupLayout, dirs: readonly string[]): boolean {
  return dirs.every((dir) => {
    const hierarchy = hierarchyHolding(layout, dir);
    return hierarchy === null || mayWrite(`${hierarchy.mountPoint}${hierarchy.self}/cgroup.procs`);
  });
}

function hierarchyHolding(layout: CgroupLayout, dir: string): Hierarchy | null {
  const all = [...layout.v1.values(), ...(layout.v2 === null ? [] : [layout.v2])];
  const holding = all.filter(({ mountPoint }) => dir.startsWith(`${mountPoint}/`));
  return holding.sort((a, b) => b.mountPoint.length - a.mountPoint.length)[0] ?? null;
}

function move(pid: number, dir: string): boolean {
  try {
    writeKernelFile(`${dir.replace(/\/$/, '')}/cgroup.procs`, String(pid));
    return true;
  } catch (error) {
    const errno = kernelErrno(error);
    if (errno === 'ESRCH') return false;
    if (!(error instanceof CompartError) || errno !== 'EACCES') throw error;
    throw new CompartError(error.code, error.message, {
      cause: error.cause,
      hint: "moving processes between these two groups is not this user's right; run it as root, or end the processes: compart rm --force",
    });
  }
}
