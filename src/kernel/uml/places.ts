import { join } from 'node:path';

/** Where kernels are, where new ones go, and where they are made. */
export interface KernelPlaces {
  /** Folders of built kernels, the first wins; those that are not there are nobody's error. */
  installed: readonly string[];
  /** The one of them that a build installs into; null where the caller has no home. */
  target: string | null;
  /** Sources are unpacked and compiled below it; null where the caller has no home. */
  cache: string | null;
  /** Debian's package user-mode-linux. */
  debian: { kernel: string; modules: string };
}

const EVERYBODY = '/usr/local/lib/compart/kernels';
const CACHE_OF_ROOT = '/var/cache/compart';

/** COMPART_KERNELS is looked at first and installed into; else as in the XDG Base Directory Specification. Pure. */
export function kernelPlaces(uid: number, env: Readonly<NodeJS.ProcessEnv>): KernelPlaces {
  const home = env['HOME'] || null;
  const below = (variable: string, usual: string): string | null => {
    const base = env[variable] || (home === null ? null : join(home, usual));
    return base === null ? null : join(base, 'compart');
  };
  const data = below('XDG_DATA_HOME', '.local/share');
  const own = data === null ? null : join(data, 'kernels');
  const asked = env['COMPART_KERNELS'] || null;
  const cacheOfUser = below('XDG_CACHE_HOME', '.cache');
  return {
    installed: [asked, own, EVERYBODY].filter((place) => place !== null),
    target: asked ?? (uid === 0 ? EVERYBODY : own),
    cache: uid === 0 && !env['XDG_CACHE_HOME'] ? CACHE_OF_ROOT : cacheOfUser,
    debian: { kernel: '/usr/bin/linux.uml', modules: '/usr/lib/uml/modules' },
  };
}
