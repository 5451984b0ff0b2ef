import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { groupsBelow } from './groups.js';
import { COMPART } from './installed.js';
import type { Sandbox } from './sandbox.js';

/** A uid that owns nothing on any machine that runs this. */
export const UID = 64_123;
const CONTROLLERS = ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'blkio', 'freezer'];
export const subtree = (controller: string): string => `/sys/fs/cgroup/${controller}/compart-${UID}`;

/** Words before a command of that user. */
export const AS_USER = ['setpriv', '--reuid', String(UID), '--regid', String(UID), '--clear-groups'];

/**
 * Words before a command for which /dev/net/tun is open to everybody, as on a stock Debian: a node of the test's own
 * over the machine's, in a mount namespace.
 */
export const withTun = ({ dir }: Pick<Sandbox, 'dir'>): string[] => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
  '{ [ -e "$0" ] || mknod -m 666 "$0" c 10 200; } && mount --bind "$0" /dev/net/tun && exec "$@"',
  `${dir}/tun`,
];

/** What docs/rootless.md tells an administrator of a v1 or hybrid host to do. */
export function delegate(): void {
  for (const controller of CONTROLLERS) {
    mkdirSync(subtree(controller));
    if (controller === 'cpuset') {
      for (const file of ['cpuset.mems', 'cpuset.cpus']) {
        writeFileSync(`${subtree(controller)}/${file}`, readFileSync(`/sys/fs/cgroup/cpuset/${file}`));
      }
    }
    chownSync(subtree(controller), UID, UID);
    for (const file of ['cgroup.procs', 'tasks']) chownSync(`${subtree(controller)}/${file}`, UID, UID);
  }
}

/** Takes the subtree back. @returns the groups that were left in it */
export function takeBack(): string[] {
  const left = groupsBelow(`/compart-${UID}`);
  for (const dir of [...left.reverse(), ...CONTROLLERS.map(subtree)]) {
    try {
      rmdirSync(dir);
    } catch {
      // Never made.
    }
  }
  return left;
}

/** Processes of this user that are more than zombies. */
export function runningAs(uid: number): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        return new RegExp(`^State:\\s+[^Z][^]*^Uid:\\s+${uid}\\b`, 'm').test(status)
          ? [status.slice(0, 40)]
          : [];
      } catch {
        return [];
      }
    });
}

/** A home, and a copy of compart that this user may read, wherever the source tree is. */
export function settle({ dir }: Pick<Sandbox, 'dir'>): { program: string; env: Record<string, string> } {
  const home = `${dir}/home`;
  chmodSync(dir, 0o755);
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, UID, UID);
  const root = dirname(dirname(COMPART));
  for (const part of ['bin', 'dist/bin', 'native/build', 'src/kernel/uml'])
    cpSync(`${root}/${part}`, `${dir}/compart/${part}`, { recursive: true });
  return { program: `${dir}/compart/bin/compart`, env: { XDG_RUNTIME_DIR: home, HOME: home } };
}
