import { existsSync, statSync } from 'node:fs';
import { CompartError, usageError } from '../shared/errors.js';
import type { Refusal } from '../host/cgroup/base.js';
import type { Host } from '../host/host.js';
import { Store } from '../state/store.js';
import type { GuestKernel, Kernel } from './guest-kernel.js';

const NONE: Refusal = {
  why: 'no kernel for guests is installed',
  mend: 'apt-get install user-mode-linux, or build a faster one: compart kernel build',
};

/** The fastest of the installed kernels that runs here, or what is in the way of all. */
export function fastestKernel(
  by: GuestKernel,
  host: Host,
): { kernel: Kernel; lack: null } | { kernel: null; lack: Refusal } {
  let first: Refusal | null = null;
  for (const kernel of by.installed(host)) {
    const lack = by.lack(kernel, host);
    if (lack === null) return { kernel, lack };
    first ??= { ...lack, why: `${kernel.path}: ${lack.why}` };
  }
  return { kernel: null, lack: first ?? NONE };
}

const unsupported = ({ why, mend }: Refusal): CompartError =>
  new CompartError('ERR_COMPART_UNSUPPORTED', why, { hint: mend });

/**
 * The kernel to boot: the file that was asked for, or the fastest that runs here.
 * @throws ERR_COMPART_USAGE for a file that is none, ERR_COMPART_UNSUPPORTED where no kernel is installed or none runs
 */
export function chooseKernel(by: GuestKernel, host: Host, asked: string | null): Kernel {
  if (asked !== null) {
    const path = host.caller.resolve(asked);
    if (!existsSync(path) || !statSync(path).isFile())
      throw usageError(
        `--kernel: "${asked}" is no file`,
        'compart kernel list shows those that are installed',
      );
    const known = by.installed(host).find((kernel) => kernel.path === path);
    const kernel: Kernel = known ?? {
      path,
      version: 'unknown',
      origin: 'file',
      features: { lineFix: false, wideState: false },
      modulesDir: null,
    };
    const lack = by.lack(kernel, host);
    if (lack !== null) throw unsupported({ ...lack, why: `--kernel: ${path}: ${lack.why}` });
    return kernel;
  }
  const { kernel, lack } = fastestKernel(by, host);
  if (lack !== null) throw unsupported(lack);
  return kernel;
}

/** More compartments than this are not looked through for guests. */
const LOOKED_AT = 256;

/** How many guests are pinned to each CPU. */
export function pinnedGuests(host: Host): Map<number, number> {
  const store = new Store(host.paths.state);
  const pinned = new Map<number, number>();
  for (const name of store.names().slice(0, LOOKED_AT)) {
    const cpu = store.readWhole(name)?.guest?.cpu ?? null;
    if (cpu !== null) pinned.set(cpu, (pinned.get(cpu) ?? 0) + 1);
  }
  return pinned;
}
