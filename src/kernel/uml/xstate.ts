import { readFileSync } from 'node:fs';
import type { Host } from '../../host/host.js';
import type { Refusal } from '../../host/cgroup/base.js';
import { readKernelFile } from '../../host/kernfs.js';
import type { Kernel } from '../guest-kernel.js';

/** /proc/cpuinfo of a CPU whose state is longer than the 2,696 bytes which User Mode Linux has room for. Pure. */
const hasWideState = (cpuinfo: string): boolean => /^flags\s*:.*\samx_tile\b/m.test(cpuinfo);

/** Does a tree of Linux ask the host how long its state is, as later ones do (host_fp_size)? */
export function asksForItsSize(tree: string): boolean {
  try {
    return readFileSync(`${tree}/arch/x86/um/os-Linux/registers.c`, 'utf8').includes('host_fp_size');
  } catch {
    return false;
  }
}

/**
 * A host takes the state of a guest's process by PTRACE_SETREGSET only whole. On a CPU with AMX it is longer than any
 * kernel without patches/0006 knows, and there init dies at its first instruction (arch/x86/um/os-Linux/registers.c).
 * A file that nobody knows is believed. Null where nothing is in the way; reads /proc/cpuinfo only where that decides.
 */
export function lackOfState(
  { origin, features }: Kernel,
  { paths }: { paths: Pick<Host['paths'], 'proc'> },
): Refusal | null {
  if (features.wideState || origin === 'file') return null;
  if (!hasWideState(readKernelFile(`${paths.proc}/cpuinfo`) ?? '')) return null;
  return {
    why: "this kernel starts no process on a CPU with AMX: the CPU's state is longer than it has room for",
    mend: 'compart kernel build makes one that does',
  };
}
