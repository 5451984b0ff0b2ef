import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { groupsBelow } from './groups.js';
import { COMPART } from './installed.js';

const CONTROLLERS = ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'blkio', 'freezer'];
export const subtree = (controller: string, uid: number): string =>
  `/sys/fs/cgroup/${controller}/compart-${uid}`;

/** What docs/rootless.md tells an administrator of a v1 or hybrid host to do. */
export function delegate(uid: number): void {
  for (const controller of CONTROLLERS) {
    const dir = subtree(controller, uid);
    mkdirSync(dir);
    if (controller === 'cpuset') {
      for (const file of ['cpuset.mems', 'cpuset.cpus'])
        writeFileSync(`${dir}/${file}`, readFileSync(`/sys/fs/cgroup/cpuset/${file}`));
    }
    chownSync(dir, uid, uid);
    for (const file of ['cgroup.procs', 'tasks']) chownSync(`${dir}/${file}`, uid, uid);
  }
}

/** @returns groups that were left in what was handed over */
export function takeBack(uid: number): string[] {
  const left = groupsBelow(`/compart-${uid}`);
  for (const dir of [...left.reverse(), ...CONTROLLERS.map((controller) => subtree(controller, uid))]) {
    try {
      rmdirSync(dir);
    } catch {
      // Never made.
    }
  }
  return left;
}

/** A copy of compart that this user may read, wherever the source tree is, and a home. */
export interface Installation {
  home: string;
  /** Words before compart's own, so that this user calls it. */
  argv: string[];
  env: Record<string, string>;
}

export function installFor(uid: number, dir: string): Installation {
  const [home, installed] = [`${dir}/home`, `${dir}/compart`];
  chmodSync(dir, 0o755);
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, uid, uid);
  const root = dirname(dirname(COMPART));
  for (const part of ['bin', 'dist/bin', 'native/build'])
    cpSync(`${root}/${part}`, `${installed}/${part}`, { recursive: true });
  const drop = ['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups'];
  return {
    home,
    argv: [...drop, `${installed}/bin/compart`],
    env: { XDG_RUNTIME_DIR: home, HOME: home },
  };
}
