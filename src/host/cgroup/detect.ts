import { parseMounts, type Mount } from '../mounts.js';

/** One mounted cgroup hierarchy. */
export interface Hierarchy {
  version: 1 | 2;
  mountPoint: string;
  /** The caller's own group, relative to the mount point: `/` or `/a/b`. */
  self: string;
  readOnly: boolean;
}

/**
 * How control groups are mounted here: `unified` is cgroup v2 alone, `legacy` v1 alone, `hybrid` v1
 * controllers beside a v2 mount, `none` no cgroup file system at all (cgroups(7)).
 */
export interface CgroupLayout {
  mode: 'unified' | 'hybrid' | 'legacy' | 'none';
  v2: Hierarchy | null;
  /** Controllers that the v2 mount offers. */
  v2Controllers: ReadonlySet<string>;
  v1: ReadonlyMap<string, Hierarchy>;
}

/** Where `controller` is enforced on this layout, or null if the kernel offers it nowhere. */
export function hierarchyOf(layout: CgroupLayout, controller: string): Hierarchy | null {
  const legacy = layout.v1.get(controller);
  if (legacy) return legacy;
  return layout.v2Controllers.has(controller) ? layout.v2 : null;
}

/** /proc/PID/cgroup as a map from controller (`''` for v2, `name=systemd` for a named one) to path. */
export function parseSelfCgroup(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    for (const controller of match?.[1]?.split(',') ?? []) paths.set(controller, match?.[2] ?? '/');
  }
  return paths;
}

/** A path of /proc/PID/cgroup as seen below a mount of which only `root` is visible (a container). */
function below(root: string, path: string): string {
  if (root === '/' || !(path === root || path.startsWith(`${root}/`))) return path;
  return path.slice(root.length) || '/';
}

function hierarchy(mount: Mount, version: 1 | 2, path: string | undefined): Hierarchy {
  return {
    version,
    mountPoint: mount.target,
    self: below(mount.root, path ?? '/'),
    readOnly: mount.readOnly,
  };
}

/**
 * Reads the layout out of the mount table; pure.
 * @param v2Controllers answers with the text of `cgroup.controllers` in a v2 mount point
 */
export function detectLayout(
  mountinfo: string,
  selfCgroup: string,
  v2Controllers: (mountPoint: string) => string,
): CgroupLayout {
  const self = parseSelfCgroup(selfCgroup);
  const v1 = new Map<string, Hierarchy>();
  let v2: Hierarchy | null = null;
  // Of the hundreds of mounts that a host may have, a dozen are worth parsing.
  const lines = mountinfo.split('\n').filter((line) => line.includes(' - cgroup'));
  for (const mount of parseMounts(lines.join('\n'))) {
    if (mount.fstype === 'cgroup2') v2 ??= hierarchy(mount, 2, self.get(''));
    if (mount.fstype !== 'cgroup') continue;
    for (const option of mount.superOptions) {
      if (self.has(option) && !v1.has(option)) v1.set(option, hierarchy(mount, 1, self.get(option)));
    }
  }
  const offered = v2 === null ? '' : v2Controllers(v2.mountPoint);
  const controllers = [...v1.keys()].filter((name) => !name.startsWith('name='));
  const mode =
    v2 === null ? (v1.size === 0 ? 'none' : 'legacy') : controllers.length === 0 ? 'unified' : 'hybrid';
  return { mode, v2, v2Controllers: new Set(offered.split(/\s+/).filter((name) => name !== '')), v1 };
}
