import { usageError } from '../../shared/errors.js';
import type { CgroupLayout, Hierarchy } from './detect.js';
import { hierarchyOf } from './detect.js';

/** A reason why something cannot be had on this host, and what mends it. */
export interface Refusal {
  why: string;
  mend: string;
}

/** What {@link chooseBase} needs to know of the host besides its layout. */
export interface BaseFacts {
  uid: number;
  /** COMPART_CGROUP: where an administrator wants the groups to be. */
  override: string | null;
  /** Controllers that the user's service manager hands on; null where there is none to ask. */
  delegated: ReadonlySet<string> | null;
  /** systemd is PID 1 (sd_booted(3)); the groups of its tree are its own. */
  systemd: boolean;
  /** May this user make directories in, and move processes into, this group? */
  writable: (dir: string) => boolean;
}

/**
 * The group under which every compartment of this user stands, at the same path in each hierarchy.
 * `unit` is the manager that owns it, where systemd does: the path is known once its unit runs.
 */
export interface CgroupBase {
  path: string;
  unit: 'system' | 'user' | null;
  /**
   * Where those stand that give way to the whole machine, as idle counts among neighbours only; absent where compart may make
   * no such place, and they give way to the other compartments.
   */
  idle?: string;
  /** compart made it, and takes it away when it is empty. */
  ours: boolean;
}

/** The subtree an administrator hands to a user on a host without systemd (docs/rootless.md). */
export const delegatedPath = (uid: number): string => `/compart-${uid}`;

/** Every hierarchy that is mounted, once. */
export const hierarchies = (layout: CgroupLayout): Hierarchy[] => [
  ...new Set([...layout.v1.values(), ...(layout.v2 === null ? [] : [layout.v2])]),
];

/** Where this user's groups go. @throws ERR_COMPART_USAGE if the override is no path of a group */
export function chooseBase(layout: CgroupLayout, facts: BaseFacts): CgroupBase {
  if (facts.override !== null) return plain(checkPath(facts.override), facts.uid === 0);
  const delegated = delegatedPath(facts.uid);
  const handed = (): boolean =>
    hierarchies(layout).some(({ mountPoint }) => facts.writable(mountPoint + delegated));
  if (facts.uid !== 0 && handed()) return plain(delegated, false);
  if (facts.systemd) return { path: '/', unit: facts.uid === 0 ? 'system' : 'user', ours: false };
  return facts.uid === 0 ? plain('/compart', true) : plain(delegated, false);
}

const plain = (path: string, ours: boolean): CgroupBase => ({
  path,
  unit: null,
  ...(ours ? { idle: `${path}-idle` } : {}),
  ours,
});

/** The base itself and the one beside it for idle compartments, where there is one. */
export const allBases = (base: CgroupBase): CgroupBase[] => [
  base,
  ...(base.idle === undefined ? [] : [idleBase(base)]),
];

/** Where an idle compartment stands: a base of its own, which goes with the last of them, or the common one. */
export const idleBase = (base: CgroupBase): CgroupBase =>
  base.idle === undefined ? base : { ...base, path: base.idle, ours: true };

function checkPath(path: string): string {
  if (/^(\/(?!\.\.?(\/|$))[^/]+)+$/.test(path)) return path;
  throw usageError(
    `COMPART_CGROUP: "${path}" is not the path of a group`,
    'as in COMPART_CGROUP=/compart, below the mount points',
  );
}

/** Where an administrator puts a user's own processes in a v2 subtree, as only leaves may have any (docs/rootless.md). */
const SHELL = 'shell';

/** The compartment that a process is in whose group in a hierarchy of this version is `path`, or null. */
export function compartmentAt(base: CgroupBase, path: string, version: 1 | 2): string | null {
  const above = allBases(base).find((each) => path.startsWith(`${each.path}/`));
  if (base.path === '/' || above === undefined) return null;
  const name = path.slice(above.path.length + 1).split('/')[0] ?? null;
  const handed = !base.ours && base.unit === null;
  return handed && version === 2 && name === SHELL ? null : name;
}

/** The compartment that the caller itself runs in, or null: a nested one would leave its limits. */
export function enclosing(layout: CgroupLayout, base: CgroupBase): string | null {
  const names = hierarchies(layout).map(({ self, version }) => compartmentAt(base, self, version));
  return names.find((name) => name !== null) ?? null;
}

/** Why `controller` cannot be used under `base`, or null if it can. */
export function refusalOf(
  layout: CgroupLayout,
  base: CgroupBase,
  facts: BaseFacts,
  controller: string,
): Refusal | null {
  const hierarchy = hierarchyOf(layout, controller);
  if (hierarchy === null) return missing(layout, controller);
  if (hierarchy.readOnly) {
    return {
      why: `the ${controller} controller is mounted read-only at ${hierarchy.mountPoint}`,
      mend: `mount -o remount,rw ${hierarchy.mountPoint}`,
    };
  }
  if (facts.uid === 0) return null;
  if (base.unit !== null) return undelegated(hierarchy, facts, controller);
  if (!facts.writable(hierarchy.mountPoint + base.path)) {
    return {
      why: `uid ${facts.uid} has no delegated subtree for the ${controller} controller`,
      mend: delegateLine(hierarchy, base.path, facts.uid, controller),
    };
  }
  if (hierarchy.version === 2 && !`${hierarchy.self}/`.startsWith(`${base.path}/`)) {
    return {
      why: `a process outside ${hierarchy.mountPoint}${base.path} cannot be moved into it by uid ${facts.uid}`,
      mend: `as root: echo $$ > ${hierarchy.mountPoint}${base.path}/${SHELL}/cgroup.procs, for the shell that runs compart`,
    };
  }
  return null;
}

/** A user's manager has no v1 controllers to give, and of v2 only what Delegate= of its own unit names. */
function undelegated(hierarchy: Hierarchy, facts: BaseFacts, controller: string): Refusal | null {
  if (hierarchy.version === 1) {
    return {
      why: `systemd delegates no v1 controller, such as ${controller} here, to uid ${facts.uid}`,
      mend: 'boot with systemd.unified_cgroup_hierarchy=1, or hand over a subtree: see docs/rootless.md',
    };
  }
  if (facts.delegated?.has(controller) ?? true) return null;
  return {
    why: `the user manager of uid ${facts.uid} was not given the ${controller} controller`,
    mend:
      'as root: mkdir -p /etc/systemd/system/user@.service.d && ' +
      "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' > /etc/systemd/system/user@.service.d/delegate.conf && " +
      `systemctl daemon-reload && systemctl restart user@${facts.uid}.service`,
  };
}

function missing(layout: CgroupLayout, controller: string): Refusal {
  const kernelName = controller === 'blkio' ? 'io' : controller;
  if (layout.mode === 'none') {
    return { why: 'no cgroup file system is mounted', mend: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup' };
  }
  const why = `the kernel offers no ${kernelName} controller here`;
  if (layout.v2 !== null && layout.mode === 'unified') {
    const boot =
      controller === 'memory'
        ? 'boot with cgroup_enable=memory'
        : `build the kernel with the ${kernelName} controller`;
    return { why, mend: `${boot}, or have it enabled in cgroup.subtree_control of the parent group` };
  }
  return { why, mend: `mount -t cgroup -o ${controller} cgroup /sys/fs/cgroup/${controller}` };
}

function delegateLine(hierarchy: Hierarchy, path: string, uid: number, controller: string): string {
  const dir = hierarchy.mountPoint + path;
  const enable = `echo +${controller} > ${hierarchy.mountPoint}/cgroup.subtree_control && `;
  return `as root: ${hierarchy.version === 2 ? enable : ''}mkdir -p ${dir} && chown -R ${uid} ${dir}`;
}
