import { readFileSync } from 'node:fs';
import type { Host } from '../../host/host.js';
import { enterRouter } from '../../host/network/router.js';
import { ipBatch } from '../../host/network/tools.js';
import { INNER_LINK, linkOf } from '../../host/network/veth.js';
import type { Loaded } from '../subsystem.js';
import type { NetRecord } from './record.js';

/** A tap device inside a stack, and what whoever is behind it has to call itself. */
export interface Tap {
  device: string;
  addresses: string[];
  gateways: string[];
  hosts: string;
  resolver: string;
}

const TAP = 'tap0';
const BRIDGE = 'br0';

/**
 * `ip -batch` lines that put a tap device in the place of the stack itself: the link and the device are ports of a
 * bridge, so that both shapers hold what crosses it, and the addresses are free for who is behind the device. Pure.
 * @param uid who may open the device, as the stack's own user namespace counts
 */
export function tapLines(uid: number): string[] {
  return [
    `addr flush dev ${INNER_LINK}`,
    `link add ${BRIDGE} type bridge`,
    `tuntap add dev ${TAP} mode tap user ${uid}`,
    `link set ${TAP} master ${BRIDGE} up`,
    `link set ${INNER_LINK} master ${BRIDGE}`,
    `link set ${BRIDGE} up`,
  ];
}

/**
 * Gives a stack that is loaded a tap device, which takes its addresses over.
 * @returns null for a stack with loopback only
 * @throws ERR_COMPART_KERNEL, ERR_COMPART_UNSUPPORTED
 */
export function addTap(host: Host, { ground, record }: Loaded): Tap | null {
  const { router, number, addresses } = (record as NetRecord).handles;
  if (addresses === null) return null;
  ipBatch(enterRouter(router), linkOf(number), tapLines(router.ownUsers ? 0 : host.uid));
  const six = addresses.ipv6 === null ? [] : [`${addresses.ipv6}/128`];
  return {
    device: TAP,
    addresses: [`${addresses.ipv4}/32`, ...six],
    gateways: [addresses.gateway4, ...(addresses.gateway6 === null ? [] : [addresses.gateway6])],
    hosts: readFileSync(`${ground.folder}/hosts`, 'utf8'),
    resolver: readFileSync(`${ground.folder}/resolv.conf`, 'utf8'),
  };
}
