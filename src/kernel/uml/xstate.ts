import { existsSync, readFileSync } from 'node:fs';
import type { Refusal } from '../../host/cgroup/base.js';
import { readKernelFile } from '../../host/kernfs.js';
import type { Kernel, KernelHost } from '../guest-kernel.js';
import { librariesOf } from './libraries.js';

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

/** Is it a kernel that has no room for the state of this host's CPU? Reads /proc/cpuinfo only where that decides. */
const isTooNarrow = ({ features }: Kernel, { paths }: KernelHost): boolean =>
  !features.wideState && hasWideState(readKernelFile(`${paths.proc}/cpuinfo`) ?? '');

/**
 * A library that hands over the whole state in such a kernel's stead (native/xstate.c), where it is wanted and can be
 * loaded: into a dynamic program. It leaves a file alone that nobody knows and that asks for the size itself.
 */
export function preloadFor(kernel: Kernel, host: KernelHost): string | null {
  if (!isTooNarrow(kernel, host) || librariesOf(kernel.path).length === 0) return null;
  const library = host.paths.native('xstate.so');
  return existsSync(library) ? library : null;
}

/**
 * A host takes the state of a guest's process by PTRACE_SETREGSET only whole. On a CPU with AMX it is longer than any
 * kernel without patches/0006 knows, and there init dies at its first instruction (arch/x86/um/os-Linux/registers.c),
 * unless there is {@link preloadFor}. A file that nobody knows is believed. Null where nothing is in the way.
 */
export function lackOfState(kernel: Kernel, host: KernelHost): Refusal | null {
  if (kernel.origin === 'file' || !isTooNarrow(kernel, host) || preloadFor(kernel, host) !== null)
    return null;
  return {
    why: "this kernel starts no process on a CPU with AMX: the CPU's state is longer than it has room for",
    mend: 'compart kernel build makes one that does',
  };
}
