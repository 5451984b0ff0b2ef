import { readdirSync } from 'node:fs';
import type { ImageName } from './image.js';

/** One system that compart is tested on, as a guest of its own. */
export interface System {
  name: string;
  /** In words, for docs/systems.md. */
  what: string;
  /** Its root (test/systems/image.ts). */
  image: ImageName;
  /** Process 1, in the guest: /systems is test/systems/guest. */
  init: string;
  /** What manages services there, which is waited for. */
  manager: 'systemd' | 'openrc' | 'none';
  /** Where compart puts the groups of root and of an ordinary user there; null where a test may choose. */
  bases: Readonly<Record<Who, string | null>>;
}

/** As whom: root, or a user whom an administrator (docs/rootless.md) or systemd has handed groups to. */
export const WHO = ['root', 'user'] as const;
export type Who = (typeof WHO)[number];

/** As the guest calls them (test/systems/guest/prepare). */
export const ACCOUNTS: Readonly<Record<Who, string>> = { root: 'root', user: 'tester' };

const SCOPE = '/system.slice/compart.scope';
const HANDED = '/compart-1000';

export const SYSTEMS: readonly System[] = [
  {
    name: 'debian-systemd-v2',
    what: 'Debian with systemd, cgroup v2: as it is installed',
    image: 'systemd',
    init: '/systems/init-systemd',
    manager: 'systemd',
    bases: { root: SCOPE, user: '/user.slice/user-1000.slice/user@1000.service/app.slice/compart.scope' },
  },
  {
    name: 'debian-systemd-hybrid',
    what: 'Debian with systemd, v1 controllers beside a v2 mount (`systemd.unified_cgroup_hierarchy=0`)',
    image: 'systemd',
    init: '/systems/init-hybrid',
    manager: 'systemd',
    bases: { root: SCOPE, user: HANDED },
  },
  {
    name: 'debian-plain-v2',
    what: 'Debian without systemd, cgroup v2',
    image: 'systemd',
    init: '/systems/init-plain',
    manager: 'none',
    bases: { root: null, user: HANDED },
  },
  {
    name: 'debian-plain-v1',
    what: 'Debian without systemd, cgroup v1 alone',
    image: 'systemd',
    init: '/systems/init-v1',
    manager: 'none',
    bases: { root: null, user: HANDED },
  },
  {
    name: 'debian-openrc',
    what: 'Debian with OpenRC below sysvinit, v1 controllers beside a v2 mount: as `sysvinit-core` and `openrc` set it up',
    image: 'openrc',
    init: '/sbin/init',
    manager: 'openrc',
    bases: { root: null, user: HANDED },
  },
];

/** The whole integration suite; what of it a system lacks the means for, the tests say themselves. */
export const FILES: readonly string[] = readdirSync('test/integration')
  .flatMap((file) => /^(.+)\.test\.ts$/.exec(file)?.[1] ?? [])
  .sort();

/** What a bounded run takes. */
export const SHORT = { systems: ['debian-systemd-v2', 'debian-plain-v2'], files: ['run', 'verbs', 'attach'] };
