import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { CompartError, errnoOf, systemReason } from '../../shared/errors.js';
import type { UndoStack } from '../../shared/undo.js';
import { readKernelFile, writeKernelFile } from '../kernfs.js';
import { pause } from '../pause.js';
import { readPids } from '../proc/pids.js';
import { allBases, hierarchies, idleBase, type CgroupBase } from './base.js';
import { hierarchyOf, type CgroupLayout } from './detect.js';
import type { ReadGroup } from './driver.js';

/** The directories of one compartment; everything that is needed to find and remove it after a crash. */
export interface Group {
  /** Membership, kill, freeze and pressure: the v2 group, on a hybrid host the twin, on v1 the freezer's. */
  identity: string;
  identityVersion: 1 | 2;
  /** By controller; on v2 all are the same directory. */
  dirs: Record<string, string>;
  /** The parent that compart itself made and may take away when it is empty, or null. */
  bases: string[];
  /** It was made to run on CPU time that nobody else wants. */
  idle?: true;
}

const parentOf = (dir: string): string => dir.slice(0, dir.lastIndexOf('/'));

/** Every directory of the group, each once. */
export function groupDirs(group: Group): string[] {
  return [...new Set([group.identity, ...Object.values(group.dirs)])];
}

/**
 * Names the directories that a compartment will have; pure, so that they are in the record before the first
 * of them exists. Controllers that the host does not offer are left out.
 * @param twin may the caller join a group of the v2 mount that has no controllers?
 * @param idle does it stand where idle compartments do?
 */
export function planGroup(
  layout: CgroupLayout,
  common: CgroupBase,
  name: string,
  controllers: readonly string[],
  twin: boolean,
  idle = false,
): Group {
  const base = idle ? idleBase(common) : common;
  const dirs: Record<string, string> = {};
  const bases = new Set<string>();
  for (const controller of controllers) {
    const hierarchy = hierarchyOf(layout, controller);
    if (hierarchy === null) continue;
    dirs[controller] = `${hierarchy.mountPoint}${base.path}/${name}`;
    bases.add(hierarchy.mountPoint + base.path);
  }
  const identity = layout.v2 !== null && twin ? layout.v2 : (layout.v1.get('freezer') ?? null);
  const dir =
    identity === null ? (Object.values(dirs)[0] ?? null) : `${identity.mountPoint}${base.path}/${name}`;
  if (dir === null) {
    throw new CompartError(
      'ERR_COMPART_UNSUPPORTED',
      'no cgroup hierarchy is mounted that could hold a compartment',
      {
        hint: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
      },
    );
  }
  if (identity !== null) bases.add(identity.mountPoint + base.path);
  if (identity?.version === 1) dirs['freezer'] = dir;
  return {
    identity: dir,
    identityVersion: identity?.version ?? 1,
    dirs,
    bases: base.ours ? [...bases] : [],
    ...(idle ? { idle } : {}),
  };
}

/** Reads files of the group by controller name; `identity` is the group that gives identity. */
export function groupReader(
  group: Group,
  readFile: (path: string) => string | null = readKernelFile,
): ReadGroup {
  return (controller, file) => {
    const dir = controller === 'identity' ? group.identity : group.dirs[controller];
    return dir === undefined ? null : readFile(`${dir}/${file}`);
  };
}

/** The base may be taken away by another compartment's end between the two mkdir; then try again. */
const MKDIR_TRIES = 20;

function makeDir(dir: string): void {
  const parent = parentOf(dir);
  for (let tries = 1; ; tries += 1) {
    try {
      // Looked for, as an error of mkdir(2) takes Node longer than all the rest of this.
      if (!existsSync(parent)) mkdirSync(parent, { recursive: true, mode: 0o755 });
      mkdirSync(dir, 0o755);
      return;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' && tries < MKDIR_TRIES) continue;
      const code = errno === 'EEXIST' ? 'ERR_COMPART_EXISTS' : 'ERR_COMPART_KERNEL';
      const hint =
        errno === 'EEXIST'
          ? {
              hint: 'no compartment of this state folder has it: choose another --name, or remove it with rmdir',
            }
          : {};
      throw new CompartError(code, `cannot make ${dir}: ${systemReason(error)}`, { cause: error, ...hint });
    }
  }
}

/**
 * A new v1 cpuset has no CPUs and no memory nodes, and no process can enter it (cpuset(7)). The base is told to give its own
 * to what is made in it: then the next ones need nothing.
 */
function fillCpuset(dir: string): void {
  if (readKernelFile(`${dir}/cpuset.mems`)) return;
  const base = parentOf(dir);
  inheritCpuset(base);
  inheritCpuset(dir);
  try {
    writeKernelFile(`${base}/cgroup.clone_children`, '1');
  } catch {
    // Handed down without this file: each is filled by hand.
  }
}

function inheritCpuset(dir: string): void {
  const parent = parentOf(dir);
  for (const file of ['cpuset.mems', 'cpuset.cpus']) {
    if (readKernelFile(`${dir}/${file}`) !== '') continue;
    const inherited =
      readKernelFile(`${parent}/cpuset.effective_${file.slice(7)}`) || readKernelFile(`${parent}/${file}`);
    if (inherited) writeKernelFile(`${dir}/${file}`, inherited);
  }
}

/** v2 gives a group only the controllers that its parent hands down (cgroup-v2.rst, "Enabling and Disabling"). */
function handDown(dir: string, controllers: readonly string[], mountPoint: string): void {
  const missingIn = (parent: string): string[] => {
    const enabled = new Set((readKernelFile(`${parent}/cgroup.subtree_control`) ?? '').split(' '));
    return controllers.filter((name) => !enabled.has(name));
  };
  const parent = parentOf(dir);
  const wanted = missingIn(parent);
  if (wanted.length === 0) return;
  if (parent !== mountPoint && parent.startsWith(mountPoint)) handDown(parent, controllers, mountPoint);
  writeKernelFile(`${parent}/cgroup.subtree_control`, wanted.map((name) => `+${name}`).join(' '));
}

/**
 * Makes the directories of `group`; each is on `undo` as soon as it exists.
 * @param present what the compartment has already, when a subsystem is added to it
 */
export function createGroup(
  layout: CgroupLayout,
  group: Group,
  undo: UndoStack,
  present: Group | null = null,
): void {
  const standing = new Set(present === null ? [] : groupDirs(present));
  for (const dir of groupDirs(group).filter((path) => !standing.has(path))) {
    makeDir(dir);
    undo.add(dir, () => removeDir(dir));
  }
  const v2 = layout.v2;
  if (v2 !== null && group.identityVersion === 2) {
    const controllers = Object.keys(group.dirs).filter((name) => group.dirs[name] === group.identity);
    if (controllers.length > 0) handDown(group.identity, controllers, v2.mountPoint);
  }
  if (group.idle === true && group.bases.length > 0) makeBaseIdle(group);
  const cpuset = group.dirs['cpuset'];
  if (cpuset !== undefined && layout.v1.has('cpuset')) {
    fillCpuset(cpuset);
  }
}

/** With a group in it the base cannot be taken away and made anew without this. */
function makeBaseIdle({ dirs }: Group): void {
  const dir = dirs['cpu'];
  if (dir !== undefined) writeKernelFile(`${parentOf(dir)}/cpu.idle`, '1');
}

/** A directory with a task that is just dying answers EBUSY for a moment (v1 above all). */
const RMDIR_PATIENCE_MS = 3000;

function removeDir(dir: string): void {
  for (const started = Date.now(); ; pause(2)) {
    try {
      rmdirSync(dir);
      return;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT') return;
      if (['EBUSY', 'ENOTEMPTY'].includes(errno ?? '') && Date.now() - started < RMDIR_PATIENCE_MS) {
        // A command may have made groups of its own below (a container engine, a nested systemd).
        for (const child of childGroups(dir)) removeDir(child);
        continue;
      }
      throw new CompartError('ERR_COMPART_KERNEL', `cannot remove ${dir}: ${systemReason(error)}`, {
        cause: error,
      });
    }
  }
}

/** Removes directories of groups with no process in them, and what was made below them. */
export function removeDirs(dirs: readonly string[]): void {
  for (const dir of dirs) removeDir(dir);
}

/** Removes the group's directories, those already gone included, then a base of compart's own if it is empty. */
export function removeGroup(group: Group): void {
  removeDirs(groupDirs(group));
  removeEmpty(group.bases);
}

/** Removes the parent of all groups wherever nothing stands in it, if compart made it. */
export function removeBase(layout: CgroupLayout, base: CgroupBase): void {
  for (const { path } of allBases(base).filter(({ ours }) => ours))
    removeEmpty(hierarchies(layout).map(({ mountPoint }) => mountPoint + path));
}

function removeEmpty(dirs: readonly string[]): void {
  for (const dir of dirs) {
    try {
      rmdirSync(dir);
    } catch {
      // Another compartment stands in it, or somebody else was faster.
    }
  }
}

/** What the kernel says of the whole subtree of a v2 group in one file; null on v1, where no file does. */
function isPopulatedV2(
  { identity, identityVersion }: Group,
  readFile: typeof readKernelFile,
): boolean | null {
  return identityVersion === 2 ? isPopulatedAt(identity, readFile) : null;
}

/** The same of a directory of v2. */
export const isPopulatedAt = (dir: string, readFile = readKernelFile): boolean =>
  /^populated 1$/m.test(readFile(`${dir}/cgroup.events`) ?? '');

/** {@link isEmpty} for who will look again: what was moved out of the twin of a hybrid host alone is overlooked. */
export function seemsEmpty(group: Group): boolean {
  const populated = isPopulatedV2(group, readKernelFile);
  return populated === null ? isEmpty(group) : !populated;
}

/** Is no process left? Two reads a directory cheaper than {@link groupPids}, for the end of every run. */
export function isEmpty(group: Group, readFile = readKernelFile): boolean {
  const populated = isPopulatedV2(group, readFile);
  if (populated === null) return groupPids(group).length === 0;
  if (populated) return false;
  return groupDirs(group).every((dir) => readPids(`${dir}/cgroup.procs`).length === 0);
}

/** Every process of the group and of the groups below it, from all hierarchies, each pid once. */
export function groupPids(group: Group): number[] {
  const pids = new Set<number>();
  const visit = (dir: string): void => {
    for (const pid of readPids(`${dir}/cgroup.procs`)) pids.add(pid);
    for (const child of childGroups(dir)) visit(child);
  };
  for (const dir of groupDirs(group)) visit(dir);
  return [...pids];
}

function childGroups(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${dir}/${entry.name}`);
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes(errnoOf(error) ?? '')) return [];
    throw new CompartError('ERR_COMPART_KERNEL', `cannot read ${dir}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}
