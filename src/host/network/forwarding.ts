import { readKernelFile, writeKernelFile } from '../kernfs.js';
import type { Guards } from './table.js';

/** One setting of net(5) that was changed, and what it was. */
export interface Sysctl {
  /** Below /proc/sys/net. */
  name: string;
  from: string;
  to: string;
}

/** What was switched on so that stacks reach the world, and whom it must not let through besides. */
export interface Forwarding {
  sysctls: Sysctl[];
  guards: Guards;
  /** Has the host a way out for IPv6? */
  routed6: boolean;
}

/** Reads below /proc/sys/net. */
export type ReadSysctl = (name: string) => string | null;

/** 0.0.0.0 or 128.0.0.0 in /proc/net/route: VPNs lay two halves over the default route instead of changing it. */
const isHalf = (hex: string | undefined): boolean => /^0{6}[08]0$/.test(hex ?? '');

/** Links of the default routes in /proc/net/route. Pure. */
export function uplinks4(routes: string): string[] {
  const links = routes
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/))
    .filter((fields) => isHalf(fields[1]) && isHalf(fields[7]))
    .map(([link]) => link ?? '');
  return [...new Set(links)];
}

/** Links of the default routes in /proc/net/ipv6_route; the loopback ones refuse. Pure. */
export function uplinks6(routes: string): string[] {
  const links = routes
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([destination, length]) =>
        /^[08]0{31}$/.test(destination ?? '') && (length === '00' || length === '01'),
    )
    .map((fields) => fields[9] ?? 'lo');
  return [...new Set(links)].filter((link) => link !== 'lo');
}

/**
 * What has to be switched on for packets that come in on an uplink to be handed on. IPv4 asks the link that a packet
 * comes in on (conf/LINK/forwarding); IPv6 all links at once (conf/all/forwarding), from Linux 6.17 on the one
 * (conf/LINK/force_forwarding). A host that forwards IPv6 ignores router advertisements unless accept_ra is 2, and
 * would lose its own way out. Pure.
 */
export function planForwarding(
  links4: readonly string[],
  links6: readonly string[],
  links: readonly string[],
  read: ReadSysctl,
): Forwarding {
  const off = (name: string): boolean => read(name) === '0';
  const four = links4.filter((link) => off(`ipv4/conf/${link}/forwarding`));
  const sysctls = four.map((link) => ({ name: `ipv4/conf/${link}/forwarding`, from: '0', to: '1' }));
  const guards: Guards = { links4: four, all6: false };
  const routed6 = links6.length > 0;
  if (!routed6 || !off('ipv6/conf/all/forwarding')) return { sysctls, guards, routed6 };
  const forced = links6.map((link) => `ipv6/conf/${link}/force_forwarding`);
  if (forced.every((name) => read(name) !== null)) {
    const six = forced.filter(off).map((name) => ({ name, from: '0', to: '1' }));
    return { sysctls: [...sysctls, ...six], guards: { ...guards, all6: six.length > 0 }, routed6 };
  }
  const listening = links
    .map((link) => `ipv6/conf/${link}/accept_ra`)
    .filter((name) => read(name) === '1')
    .map((name) => ({ name, from: '1', to: '2' }));
  return {
    sysctls: [...sysctls, ...listening, { name: 'ipv6/conf/all/forwarding', from: '0', to: '1' }],
    guards: { ...guards, all6: true },
    routed6,
  };
}

const NET = 'sys/net';

/** The plan for this host, from its routes and settings. */
export function forwardingHere(proc: string): Forwarding {
  const routes = readKernelFile(`${proc}/net/route`) ?? '';
  const routes6 = readKernelFile(`${proc}/net/ipv6_route`) ?? '';
  const read: ReadSysctl = (name) => readKernelFile(`${proc}/${NET}/${name}`);
  const links = [...(readKernelFile(`${proc}/net/dev`) ?? '').matchAll(/^\s*([^\s:|]+):/gm)];
  return planForwarding(
    uplinks4(routes),
    uplinks6(routes6),
    links.map((match) => match[1] ?? ''),
    read,
  );
}

/** Writes what the plan wants. @throws ERR_COMPART_KERNEL */
export function switchOn(proc: string, { sysctls }: Forwarding): void {
  for (const { name, to } of sysctls) writeKernelFile(`${proc}/${NET}/${name}`, to);
}

/** Puts back what nobody else has changed since. */
export function switchOff(proc: string, { sysctls }: Forwarding): void {
  for (const { name, from, to } of [...sysctls].reverse()) {
    const file = `${proc}/${NET}/${name}`;
    if (readKernelFile(file) !== to || isEveryones(proc, name)) continue;
    writeKernelFile(file, from);
  }
}

/** Has somebody switched forwarding on for the whole host meanwhile? Then it is theirs. */
function isEveryones(proc: string, name: string): boolean {
  const family = /^(ipv[46])\/conf\/(?!all\/).*forwarding$/.exec(name)?.[1];
  return family !== undefined && readKernelFile(`${proc}/${NET}/${family}/conf/all/forwarding`) === '1';
}

/** The guards less those whose forwarding has become everyone's. */
export function guardsNow(proc: string, { guards, sysctls }: Forwarding): Guards {
  const links4 = guards.links4.filter((link) => !isEveryones(proc, `ipv4/conf/${link}/forwarding`));
  const everyones6 = sysctls.some(({ name }) => name.startsWith('ipv6/') && isEveryones(proc, name));
  return { links4, all6: guards.all6 && !everyones6 };
}

/** Lets the router's end of one link hand packets on; gone with the link. */
export function forwardFrom(proc: string, link: string, routed6: boolean): void {
  writeKernelFile(`${proc}/${NET}/ipv4/conf/${link}/forwarding`, '1');
  const forced = `${proc}/${NET}/ipv6/conf/${link}/force_forwarding`;
  if (routed6 && readKernelFile(forced) !== null) writeKernelFile(forced, '1');
}
