import { encodeRecords } from '../shared/records.js';
import type { GuestMount } from './rootfs/mounts.js';
import { mountAt, moduleAt, ROOT_AT } from './rootfs/view.js';
import type { Root } from './rootfs/root.js';

/** The network that a guest finds: its addresses and ways out, one of each family at most. */
export interface GuestLink {
  addresses: string[];
  gateways: string[];
}

/** What init does with the root it begins in (native/guest_config.h). */
export interface GuestConfig {
  hostname: string;
  modules: number;
  root: Root;
  /** The device that an image is, else null. */
  rootDevice: string | null;
  mounts: readonly GuestMount[];
  swapDevice: string | null;
  link: GuestLink | null;
  /** Texts of /etc/hosts and /etc/resolv.conf; null leaves what the root has. */
  hosts: string | null;
  resolver: string | null;
  /** Secret bytes that its random numbers begin with. */
  seed: Buffer;
  init: string | null;
  /** Tasks that commands, or the root's init, may have; null without a limit. */
  tasks: number | null;
  /** No set-id bit of the root counts. */
  nosuid: boolean;
  shell: string | null;
}

/** Encodes it. Pure. @throws ERR_COMPART_USAGE for a NUL in a value */
export function encodeConfig(config: GuestConfig): Buffer {
  const { root, rootDevice, link } = config;
  const optional = (key: string, value: string | null): Array<[string, string]> =>
    value === null ? [] : [[key, value]];
  return encodeRecords('compart-guest/1', [
    ['hostname', config.hostname],
    ...Array.from({ length: config.modules }, (_, index): [string, string] => ['module', moduleAt(index)]),
    ['root', rootDevice === null ? `hostfs:${ROOT_AT}` : `block:${rootDevice}`],
    ['write', root.write === 'memory' ? 'overlay' : 'through'],
    ...config.mounts.flatMap(({ target, readOnly }, index): Array<[string, string]> => [
      ['mount', `hostfs:${mountAt(index)}`],
      ['at', target],
      ['mode', readOnly ? 'ro' : 'rw'],
    ]),
    ...optional('nosuid', config.nosuid ? 'yes' : null),
    ...optional('swap', config.swapDevice),
    ...optional('pids', config.tasks === null ? null : String(config.tasks)),
    ...optional('link', link === null ? null : 'vec1'),
    ...(link?.addresses ?? []).map((address): [string, string] => ['address', address]),
    ...(link?.gateways ?? []).map((gateway): [string, string] => ['gateway', gateway]),
    ...optional('hosts', config.hosts),
    ...optional('resolv', config.resolver),
    ['seed', config.seed.toString('hex')],
    ...optional('init', config.init),
    ...optional('shell', config.shell),
  ]);
}
