import type { ProcessIdentity } from '../proc/identity.js';
import type { Enter } from './tools.js';

/** How packets of the stacks get out: by the host's own forwarding, or through a process in user space. */
export type Uplink = 'forward' | 'slirp4netns' | 'pasta';

/**
 * The network namespace in which the outer ends of the links are: the host's own, or one that native/router.c holds
 * for callers who may change nothing in the host's.
 */
export interface Router {
  /** The process that holds a namespace of compart's own; null for the host's. */
  holder: ProcessIdentity | null;
  /** Has it a user namespace of its own, in which the caller is root? */
  ownUsers: boolean;
  uplink: Uplink | null;
}

/** Words before a tool that has to run in the router. */
export function enterRouter({ holder, ownUsers }: Router): Enter {
  if (holder === null) return [];
  const user = ownUsers ? ['--user', '--preserve-credentials'] : [];
  return ['nsenter', '--target', String(holder.pid), ...user, '--net', '--mount', '--'];
}

/** The folder of procfs whose `net/` tells of the router's links. */
export const routerProc = ({ holder }: Router, proc: string): string =>
  holder === null ? proc : `${proc}/${holder.pid}`;

/** Namespaces that a command enters to be in the stack called `netns`, and whether they belong to somebody else than it. */
export function netnsPaths(
  { holder, ownUsers }: Router,
  proc: string,
  netns: string,
): Array<{ type: string; path: string }> {
  if (holder === null) return [{ type: 'net', path: `/run/netns/${netns}` }];
  const net = { type: 'net', path: `${proc}/${holder.pid}/root/run/netns/${netns}` };
  return ownUsers ? [{ type: 'user', path: `${proc}/${holder.pid}/ns/user` }, net] : [net];
}
