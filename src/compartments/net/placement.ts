import type { Host } from '../../host/host.js';
import { netnsPaths } from '../../host/network/router.js';
import type { Placement } from '../subsystem.js';
import { bindsOf } from './names.js';
import type { NetRecord } from './record.js';
import { Stack } from './stack.js';

/**
 * What would give root its way out of the stack back (capability.h): NET_ADMIN over the stack itself, the others over
 * the host's. NET_RAW stays, as ping needs it; what it sends past the shaper meets the ceiling (table.ts).
 */
const LEAVES_THE_STACK = {
  NET_ADMIN: 12,
  SYS_MODULE: 16,
  SYS_RAWIO: 17,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
  SYS_BOOT: 22,
  PERFMON: 38,
  BPF: 39,
  CHECKPOINT_RESTORE: 40,
} as const;

/** How a command gets into a stack, and what it must not take with it. */
export function placementIn(host: Host, folder: string, { handles }: NetRecord): Placement {
  const stack = new Stack(host, handles.router, handles.number);
  const { proc } = host.paths;
  const foreign = handles.router.ownUsers;
  return {
    namespaces: netnsPaths(handles.router, proc, stack.netns),
    sysctls: [
      // ping without a capability, and ports below 1024: the stack is its own.
      { name: 'net/ipv4/ping_group_range', value: foreign ? '0 0' : '0 2147483647' },
      { name: 'net/ipv4/ip_unprivileged_port_start', value: '0' },
    ],
    binds: bindsOf(folder),
    ...(foreign ? { userns: { uid: host.uid, gid: host.gid } } : {}),
    ...(host.uid === 0 ? { capDrop: Object.values(LEAVES_THE_STACK) } : {}),
  };
}
