import { existsSync, readFileSync, statSync } from 'node:fs';

/** Is cgroup v2 all there is? */
export const IS_V2 = existsSync('/sys/fs/cgroup/cgroup.controllers');

/**
 * COMPART_TEST_BASE: where compart puts its groups of its own accord on a system whose groups are somebody else's
 * (`/system.slice/compart.scope`, an administrator's `/compart-1000`), below every mount point; the tests leave it
 * there. null: every test has a parent of groups of its own.
 */
export const GIVEN_BASE = process.env['COMPART_TEST_BASE'] || null;

/** What is in a given base and no compartment: the process that holds a unit of systemd, the user's own shell. */
const HOLDERS = GIVEN_BASE === null ? [] : ['.keeper', 'shell'];

/** Is a group of this name in the base no compartment? */
export const isHolder = (dir: string, name: string): boolean =>
  GIVEN_BASE !== null && dir.endsWith(GIVEN_BASE) && HOLDERS.includes(name);

/**
 * The first group on the way from the mount point to the given base that is this user's own: root's is the mount
 * point itself, an ordinary user's what was handed over. null where nothing was.
 */
export function ownGroup(mountPoint: string): string | null {
  const uid = process.getuid?.() ?? 0;
  let dir = mountPoint;
  for (const name of ['', ...(GIVEN_BASE ?? '').split('/').filter(Boolean)]) {
    dir += name === '' ? '' : `/${name}`;
    if (statSync(dir, { throwIfNoEntry: false })?.uid === uid) return dir;
  }
  return null;
}

/** Does the v2 mount at this point offer the controller to this user? */
export function offersV2(mountPoint: string, controller: string): boolean {
  const dir = ownGroup(mountPoint);
  return dir !== null && readFileSync(`${dir}/cgroup.controllers`, 'utf8').split(/\s/).includes(controller);
}
