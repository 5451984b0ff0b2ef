import { existsSync, mkdirSync } from 'node:fs';
import { CompartError } from '../../shared/errors.js';
import { runTool, startTool } from '../exec.js';
import type { Host } from '../host.js';
import { readKernelFile, writeKernelFile } from '../kernfs.js';
import { pause } from '../pause.js';
import { readPids } from '../proc/pids.js';
import type { CgroupBase } from './base.js';
import type { CgroupLayout } from './detect.js';

/**
 * Under systemd the tree is systemd's; a subtree is had only by asking for it (systemd.resource-control(5),
 * Delegate=; https://systemd.io/CGROUP_DELEGATION). compart keeps one delegated scope per user, held open by
 * a sleeping process in a leaf of its own, and every compartment stands below that scope under its own name.
 */
const UNIT = 'compart.scope';
const KEEPER = '.keeper';
const PATIENCE_MS = 5000;

const manager = (unit: 'system' | 'user'): string[] => (unit === 'user' ? ['--user'] : []);

async function controlGroup(unit: 'system' | 'user'): Promise<string> {
  return (
    await runTool('systemctl', [...manager(unit), 'show', '--property=ControlGroup', '--value', UNIT])
  ).trim();
}

/** The delegated subtree, started if it is not there yet. */
export async function delegatedBase(host: Host, unit: 'system' | 'user'): Promise<CgroupBase> {
  let path = await controlGroup(unit);
  if (path === '') {
    startTool('systemd-run', [
      ...manager(unit),
      '--scope',
      '--quiet',
      '--collect',
      `--unit=${UNIT}`,
      '--description=Compartments',
      '--property=Delegate=yes',
      '--',
      'sleep',
      'infinity',
    ]);
    for (const started = Date.now(); path === ''; pause(10)) {
      path = await controlGroup(unit);
      if (Date.now() - started > PATIENCE_MS) {
        throw new CompartError('ERR_COMPART_UNSUPPORTED', `systemd did not start ${UNIT}`, {
          hint:
            unit === 'user'
              ? 'the user manager must run: loginctl enable-linger'
              : 'systemctl status compart.scope says why',
        });
      }
    }
  }
  settleKeeper(host, path);
  return { path, unit, ours: false };
}

/** Ends the scope, when no compartment stands in it any more. */
export async function stopDelegatedBase(unit: 'system' | 'user'): Promise<void> {
  if ((await controlGroup(unit)) !== '') await runTool('systemctl', [...manager(unit), 'stop', UNIT]);
}

/** v2 allows processes in leaves only: the keeper moves out of the scope itself into a leaf (no internal processes). */
function settleKeeper(host: Host, path: string): void {
  const v2 = host.layout.v2;
  if (v2 === null) return;
  const scope = v2.mountPoint + path;
  for (const started = Date.now(); ; pause(5)) {
    const pids = readPids(`${scope}/cgroup.procs`);
    if (pids.length > 0 && !existsSync(`${scope}/${KEEPER}`)) mkdirSync(`${scope}/${KEEPER}`);
    for (const pid of pids) writeKernelFile(`${scope}/${KEEPER}/cgroup.procs`, String(pid));
    if (readPids(`${scope}/${KEEPER}/cgroup.procs`).length > 0) return;
    if (Date.now() - started > PATIENCE_MS) {
      throw new CompartError('ERR_COMPART_KERNEL', `${UNIT} has no process in ${scope}`);
    }
  }
}

/**
 * Moves a process of this user into a group of the delegated subtree. An unprivileged caller cannot write
 * across subtrees, so the manager does it (Manager.AttachProcessesToUnit, systemd 238).
 */
export async function attachByManager(unit: 'system' | 'user', name: string, pid: number): Promise<void> {
  await runTool('busctl', [
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
  ]);
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
