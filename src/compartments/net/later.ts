import { startTool } from '../../host/exec.js';
import type { Host } from '../../host/host.js';
import { identify } from '../../host/proc/identity.js';
import { enterRouter, type Router } from '../../host/network/router.js';
import { passLock } from '../../state/lock.js';

/** The lock on what all stacks of a network share. */
export const LOCK = 'changing';

/** What goes in one pass, in this order. */
export interface Parting {
  /** Namespaces of the host's own mount namespace, by name; with them go their links. */
  netns: readonly string[];
  lines: readonly string[];
  paths: readonly string[];
}

/**
 * Takes the namespaces of stacks away, changes the table, and takes `paths` away after it, in the background: nft(8) ends only after a grace period of the
 * kernel, some 10 ms. The caller's lock on the folder passes to whoever does it, so that nobody changes anything before
 * it is through; if it fails, the paths stay, and gc sees that something is left.
 * @returns false if it could not be started
 */
export function changeLater(
  host: Host,
  folder: string,
  router: Router,
  { netns, lines, paths }: Parting,
): boolean {
  const nft = [...enterRouter(router), 'nft', lines.join('; ')];
  const pid = startTool(host.paths.native('later'), [
    ...netns.map((name) => `@/run/netns/${name}`),
    ...paths,
    `=${folder}/${LOCK}`,
    folder,
    host.paths.network,
    '--',
    ...nft,
  ]);
  const identity = pid === null ? null : identify(host.paths.proc, pid);
  if (identity === null) return false;
  passLock(folder, LOCK, identity);
  return true;
}
