import { Host } from '../../src/host/host.js';
import type { Kernel } from '../../src/kernel/guest-kernel.js';
import { Caller } from '../../src/host/caller.js';
import { uml } from '../../src/kernel/uml/uml.js';

const installed = (): Kernel[] => uml.installed({ uid: process.getuid?.() ?? 0, caller: new Caller() });
const runsHere = (kernel: Kernel): boolean => uml.lack(kernel, Host.current()) === null;

/** The kernel that `compart kernel build` made (scripts/setup --tests), or null. */
export function builtKernel(): Kernel | null {
  return installed().find(({ origin }) => origin === 'compart') ?? null;
}

/** COMPART_TEST_KERNEL: another kernel than the fastest that is installed. */
const ASKED = process.env['COMPART_TEST_KERNEL'];
export const KERNEL_FLAGS: readonly string[] = ASKED === undefined ? [] : ['--kernel', ASKED];

/** Can a guest start here, on the kernel that the tests are to have? */
export function kernelRuns(): boolean {
  return installed().some((kernel) => runsHere(kernel) && (ASKED === undefined || kernel.path === ASKED));
}

/** Why the CPU of this machine cannot run the kernel that was asked for: nothing that one could install. */
export function lackOfCpu(): string | null {
  const asked = installed().find(({ path }) => path === ASKED);
  return asked === undefined || runsHere(asked) ? null : `a CPU that runs ${asked.path}`;
}

/**
 * The kernel for tests of the programs below compart: Debian's, as it brings modules that have to be loaded, or the one
 * that was built where Debian's does not run.
 */
export function modularKernel(): Pick<Kernel, 'path' | 'modulesDir'> {
  const here = installed().filter(runsHere);
  return here.find(({ modulesDir }) => modulesDir !== null) ?? here[0] ?? { path: '', modulesDir: null };
}

/** The library that it wants besides its own on this CPU; null for none. */
export function modularPreload(): string | null {
  const { path, modulesDir } = modularKernel();
  const kernel = installed().find((each) => each.path === path && each.modulesDir === modulesDir);
  return kernel === undefined ? null : uml.preload(kernel, Host.current());
}

/** The file of a module of it, by its path below kernel/; none where everything is built in. */
export function moduleFiles(...paths: string[]): string[] {
  const { modulesDir } = modularKernel();
  return modulesDir === null ? [] : paths.map((path) => `${modulesDir}/kernel/${path}`);
}
