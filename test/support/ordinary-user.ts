import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { groupsBelow } from './groups.js';
import { COMPART } from './installed.js';
import { IS_V2 } from './place.js';
import type { Sandbox } from './sandbox.js';

/** A uid that owns nothing on any machine that runs this. */
export const UID = 64_123;
const CONTROLLERS = ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'blkio', 'freezer'];
const ROOT = '/sys/fs/cgroup';
const subtreeIn = (hierarchy: string): string => `${hierarchy}/compart-${UID}`;
export const subtree = (controller: string): string => subtreeIn(IS_V2 ? ROOT : `${ROOT}/${controller}`);
/** Where the user's processes stand on v2, which lets a user move processes within a subtree of its own only. */
const SHELL = `${subtreeIn(ROOT)}/shell`;
/** Each hierarchy once: cpu and cpuacct may be two names of one. */
const mountsOfV1 = (): string[] => {
  const dirs = CONTROLLERS.map((controller) => `${ROOT}/${controller}`).filter((dir) => existsSync(dir));
  return [...new Set(dirs.map((dir) => realpathSync(dir)))];
};
/** What is handed over, outermost first. */
const HANDED = IS_V2 ? [subtreeIn(ROOT), SHELL] : mountsOfV1().map(subtreeIn);

const BECOME = ['setpriv', '--reuid', String(UID), '--regid', String(UID), '--clear-groups'];
const ENTER = `[ ! -d ${SHELL} ] || echo $$ > ${SHELL}/cgroup.procs; exec "$@"`;
/** Words before a command of that user, who stands where an administrator has put its shell. */
export const AS_USER = IS_V2 ? ['sh', '-c', ENTER, 'sh', ...BECOME] : BECOME;

/**
 * Words before a command for which /dev/net/tun is open to everybody, as on a stock Debian: a node of the test's own
 * over the machine's, in a mount namespace.
 */
export const withTun = ({ dir }: Pick<Sandbox, 'dir'>): string[] => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
  '{ [ -e "$0" ] || mknod -m 666 "$0" c 10 200; } && mount --bind "$0" /dev/net/tun && exec "$@"',
  `${dir}/tun`,
];

/** What docs/rootless.md tells an administrator to do. */
export function delegate(): void {
  if (IS_V2) {
    const all = readFileSync(`${ROOT}/cgroup.controllers`, 'utf8').trim().split(' ');
    writeFileSync(`${ROOT}/cgroup.subtree_control`, all.map((controller) => `+${controller}`).join(' '));
  }
  for (const dir of HANDED) {
    mkdirSync(dir);
    // Only the root of a v1 cpuset has them; a new group begins with none.
    for (const file of ['cpuset.mems', 'cpuset.cpus'])
      if (existsSync(`${dirname(dir)}/${file}`))
        writeFileSync(`${dir}/${file}`, readFileSync(`${dirname(dir)}/${file}`));
    chownSync(dir, UID, UID);
    for (const file of ['cgroup.procs', 'tasks', 'cgroup.subtree_control', 'cgroup.threads'])
      if (existsSync(`${dir}/${file}`)) chownSync(`${dir}/${file}`, UID, UID);
  }
}

/** Takes the subtree back. @returns the groups that were left in it */
export function takeBack(): string[] {
  const left = groupsBelow(`/compart-${UID}`).filter((dir) => dir !== SHELL);
  for (const dir of [...[...left].reverse(), ...[...HANDED].reverse()]) {
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
