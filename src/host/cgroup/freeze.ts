import { readKernelFile, writeKernelFile } from '../kernfs.js';
import { pause } from '../pause.js';
import type { Group } from './group.js';
import { keyed } from './parse.js';

const PATIENCE_MS = 500;

/** Does the kernel report every task of the group frozen? */
export function isFrozen(group: Group, readFile = readKernelFile): boolean {
  if (group.identityVersion === 2) {
    return keyed(readFile(`${group.identity}/cgroup.events`)).get('frozen') === 1;
  }
  const freezer = group.dirs['freezer'];
  return freezer !== undefined && readFile(`${freezer}/freezer.state`) === 'FROZEN';
}

/**
 * Freezes or thaws the group and waits until the kernel says so.
 * @returns false where this host has no freezer for it, or the tasks did not stop in time
 */
export function setFrozen(group: Group, frozen: boolean): boolean {
  const [file, value] =
    group.identityVersion === 2
      ? [`${group.identity}/cgroup.freeze`, frozen ? '1' : '0']
      : [`${group.dirs['freezer'] ?? ''}/freezer.state`, frozen ? 'FROZEN' : 'THAWED'];
  if (readKernelFile(file) === null) return false;
  writeKernelFile(file, value);
  for (const started = Date.now(); isFrozen(group) !== frozen; pause(1)) {
    if (Date.now() - started > PATIENCE_MS) return false;
  }
  return true;
}
