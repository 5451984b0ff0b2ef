import { readKernelFile } from '../kernfs.js';

/** The pids in a cgroup.procs file; empty where the group is gone. */
export function readPids(path: string): number[] {
  const text = readKernelFile(path);
  return text === null || text === '' ? [] : text.split('\n').map(Number);
}
