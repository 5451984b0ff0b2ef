import { existsSync, statSync } from 'node:fs';
import { CompartError, usageError } from '../shared/errors.js';
import type { Host } from '../host/host.js';
import { Store } from '../state/store.js';
import type { GuestKernel, Kernel } from './guest-kernel.js';

/**
 * The kernel to boot: the file that was asked for, or the fastest that is installed.
 * @throws ERR_COMPART_USAGE for a file that is none, ERR_COMPART_UNSUPPORTED where no kernel is installed
 */
export function chooseKernel(by: GuestKernel, host: Host, asked: string | null): Kernel {
  const installed = by.installed(host);
  if (asked !== null) {
    const path = host.caller.resolve(asked);
    if (!existsSync(path) || !statSync(path).isFile())
      throw usageError(
        `--kernel: "${asked}" is no file`,
        'compart kernel list shows those that are installed',
      );
    const known = installed.find((kernel) => kernel.path === path);
    const unknown: Kernel = {
      path,
      version: 'unknown',
      origin: 'file',
      features: { lineFix: false },
      modulesDir: null,
    };
    return known ?? unknown;
  }
  const [fastest] = installed;
  if (fastest !== undefined) return fastest;
  throw new CompartError('ERR_COMPART_UNSUPPORTED', 'no kernel for guests is installed', {
    hint: 'apt-get install user-mode-linux, or build a faster one: compart kernel build',
  });
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
