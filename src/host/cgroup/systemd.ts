import { existsSync, mkdirSync } from 'node:fs';
import { CompartError } from '../../shared/errors.js';
import { askTool, runTool, startTool } from '../exec.js';
import type { Host } from '../host.js';
import { readKernelFile, writeKernelFile } from '../kernfs.js';
import { pause } from '../pause.js';
import { readPids } from '../proc/pids.js';
import type { CgroupBase } from './base.js';
import type { CgroupLayout } from './detect.js';
import { isPopulatedAt } from './group.js';
import { signalPids } from './kill.js';

/**
 * Under systemd the tree is systemd's; a subtree is had only by asking for it (systemd.resource-control(5),
 * Delegate=; https://systemd.io/CGROUP_DELEGATION). compart keeps one delegated scope per user, held open by
 * a sleeping process in a leaf of its own, and every compartment stands below that scope under its own name.
 */
const UNIT = 'compart.scope';
const KEEPER = '.keeper';
/** Nothing of whoever came first: its variables may be secrets, and the keeper outlives it. */
const KEEPS = ['env', '-i', 'sleep', 'infinity'];
/** A machine may be slow; the manager of a user that does not run is seen at once. */
const PATIENCE_MS = 30_000;
const ASK_AGAIN_MS = 1000;
const NO_MANAGER = 'it runs while the user is logged in, or, as root: loginctl enable-linger USER';

type Unit = 'system' | 'user';

const manager = (unit: Unit): string[] => (unit === 'user' ? ['--user'] : []);

/** cron, su and sudo do not say where the manager of the user listens; systemd has it at one place (pam_systemd(8)). */
const environment = (unit: Unit): Record<string, string> =>
  unit === 'user'
    ? { XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] || `/run/user/${process.getuid?.() ?? 0}` }
    : {};

async function controlGroup(unit: Unit): Promise<string> {
  const words = [...manager(unit), 'show', '--property=ControlGroup', '--value', UNIT];
  const { status, stdout, stderr, errno } = await askTool('systemctl', words, environment(unit));
  if (status === 0) return stdout.trim();
  if (errno === 'ENOENT')
    throw new CompartError('ERR_COMPART_UNSUPPORTED', 'systemctl, which asks systemd, is not on the PATH', {
      hint: 'put its directory, /usr/bin mostly, on the PATH',
    });
  const whose = unit === 'user' ? `of uid ${process.getuid?.() ?? 0}` : 'of this system';
  throw new CompartError(
    'ERR_COMPART_UNSUPPORTED',
    `the service manager ${whose} does not answer: ${stderr || (errno ?? `status ${status}`)}`,
    { hint: unit === 'user' ? NO_MANAGER : 'systemctl status says why' },
  );
}

/**
 * Where the scope is, as systemd names it, when its keeper runs: then nobody needs to be asked. null where it does not, and
 * where an administrator has put the users' slices elsewhere.
 */
function standing(host: Host, unit: Unit): string | null {
  const user = `/user.slice/user-${host.uid}.slice/user@${host.uid}.service/app.slice`;
  const path = `${unit === 'user' ? user : '/system.slice'}/${UNIT}`;
  const v2 = host.layout.v2;
  return v2 !== null && readPids(`${v2.mountPoint}${path}/${KEEPER}/cgroup.procs`).length > 0 ? path : null;
}

/** The delegated subtree, started if it is not there yet. */
export async function delegatedBase(host: Host, unit: Unit): Promise<CgroupBase> {
  const there = standing(host, unit);
  if (there !== null) return { path: there, unit, ours: false };
  let askedMs = -Infinity;
  for (const started = Date.now(); ; pause(10)) {
    const path = await controlGroup(unit);
    if (path !== '' && (await settleKeeper(host, unit, path))) return { path, unit, ours: false };
    // One that is just ending has to be gone before another of its name can begin.
    if (path === '' && Date.now() - askedMs > ASK_AGAIN_MS) {
      startScope(unit);
      askedMs = Date.now();
    }
    if (Date.now() - started <= PATIENCE_MS) continue;
    throw new CompartError('ERR_COMPART_UNSUPPORTED', `systemd did not start ${UNIT}`, {
      hint: unit === 'user' ? NO_MANAGER : 'systemctl status compart.scope says why',
    });
  }
}

function startScope(unit: Unit): void {
  startTool(
    'systemd-run',
    [
      ...manager(unit),
      '--scope',
      '--quiet',
      '--collect',
      `--unit=${UNIT}`,
      '--description=Compartments',
      '--property=Delegate=yes',
      '--',
      ...KEEPS,
    ],
    environment(unit),
  );
}

/**
 * Ends the scope, when no compartment stands in it any more, by ending its keeper. `systemctl stop` would end as well what
 * somebody has begun to run in it meanwhile; that holds the scope from then on.
 */
export async function stopDelegatedBase(host: Host, unit: Unit, isUnused: () => boolean): Promise<void> {
  const path = await controlGroup(unit);
  // To ask took a while.
  if (path === '' || !isUnused()) return;
  const { v2 } = host.layout;
  if (v2 === null) {
    await runTool('systemctl', [...manager(unit), 'stop', UNIT], environment(unit));
    return;
  }
  const scope = v2.mountPoint + path;
  const keepers = (): number[] =>
    [scope, `${scope}/${KEEPER}`].flatMap((dir) => readPids(`${dir}/cgroup.procs`));
  for (const started = Date.now(); existsSync(scope) && Date.now() - started < PATIENCE_MS; pause(10)) {
    const pids = keepers();
    if (pids.length === 0 && isPopulatedAt(scope)) return;
    signalPids(pids, 'SIGKILL');
  }
}

/**
 * v2 allows processes in leaves only: the keeper moves out of the scope itself into a leaf (no internal processes). Where
 * somebody has killed it, while processes of compartments hold the scope, it gets a successor.
 * @returns false while the scope has no process: it begins, or ends
 */
async function settleKeeper(host: Host, unit: Unit, path: string): Promise<boolean> {
  const v2 = host.layout.v2;
  if (v2 === null) return true;
  const scope = v2.mountPoint + path;
  const keeper = `${scope}/${KEEPER}`;
  const pids = readPids(`${scope}/cgroup.procs`);
  // Another compart may be at the same: recursive, it is no error that it is there.
  if (pids.length > 0 && !existsSync(keeper)) mkdirSync(keeper, { recursive: true });
  for (const pid of pids) writeKernelFile(`${keeper}/cgroup.procs`, String(pid));
  if (readPids(`${keeper}/cgroup.procs`).length > 0) return true;
  if (!isPopulatedAt(scope)) return false;
  const [file = '', ...argv] = KEEPS;
  const successor = startTool(file, argv);
  if (successor !== null) await attachByManager(unit, KEEPER, successor);
  return true;
}

/**
 * Moves a process of this user into a group of the delegated subtree. An unprivileged caller cannot write
 * across subtrees, so the manager does it (Manager.AttachProcessesToUnit, systemd 238).
 */
export async function attachByManager(unit: Unit, name: string, pid: number): Promise<void> {
  await runTool(
    'busctl',
    [
      ...manager(unit),
      '--quiet',
      'call',
      'org.freedesktop.systemd1',
      '/org/freedesktop/systemd1',
      'org.freedesktop.systemd1.Manager',
      'AttachProcessesToUnit',
      'ssau',
      UNIT,
      `/${name}`,
      '1',
      String(pid),
    ],
    environment(unit),
  );
}

/**
 * Controllers that PID 1 has handed to the service manager of a user (Delegate= of user@.service); null where it
 * does not run or there is no unified hierarchy.
 */
export function delegatedControllers(layout: CgroupLayout, uid: number): Set<string> | null {
  if (layout.v2 === null || layout.mode !== 'unified') return null;
  const service = `${layout.v2.mountPoint}/user.slice/user-${uid}.slice/user@${uid}.service`;
  const text = readKernelFile(`${service}/cgroup.controllers`);
  return text === null ? null : new Set(text.split(' '));
}
