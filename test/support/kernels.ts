import type { Kernel } from '../../src/kernel/guest-kernel.js';
import { Caller } from '../../src/host/caller.js';
import { installedKernels } from '../../src/kernel/uml/installed.js';

/** The kernel that `compart kernel build` made (scripts/setup --tests), or null. */
export function builtKernel(): Kernel | null {
  const kernels = installedKernels({ uid: process.getuid?.() ?? 0, caller: new Caller() });
  return kernels.find(({ origin }) => origin === 'compart') ?? null;
}
