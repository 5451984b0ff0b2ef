import { encodeAttributes, FLAGS, u32, type Attribute, type Request } from './netlink.js';
import type { Addresses } from './pool.js';
import { INNER_LINK, type GsoLimits } from './veth.js';

/** Of linux/rtnetlink.h and linux/if_link.h. */
const [NEW_LINK, NEW_ADDRESS, NEW_ROUTE] = [16, 20, 24];
const IFLA = { ifname: 3, mtu: 4, linkInfo: 18, netnsFd: 28, gsoMaxSize: 41 } as const;
const INFO = { kind: 1, data: 2 } as const;
const VETH_PEER = 1;
const IFA = { address: 1, local: 2 } as const;
const RTA = { destination: 1, outLink: 4, gateway: 5 } as const;
const [IFF_UP, IFA_F_NODAD, RTNH_F_ONLINK] = [1, 2, 4];
const [AF_INET, AF_INET6] = [2, 10];
const TABLE_MAIN = 254;
const PROTOCOL_BOOT = 3;
const UNICAST = 1;
/** The descriptor that native/netlink.c has the stack's namespace on. */
const NETNS_FD = 3;
/** The loopback is the first of every namespace. */
const LOOPBACK = 1;

/** struct ifinfomsg. */
const linkBody = (index: number, up: boolean): Buffer => u32(0, index, up ? IFF_UP : 0, up ? IFF_UP : 0);
const INDEX_OF_LINK = 4;

/** The bytes of an address, four or sixteen. Pure. */
export function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [before = '', after] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [head, tail] = [groups(before), groups(after ?? '')];
  const middle = Array<string>(8 - head.length - tail.length).fill('0');
  const all = after === undefined ? head : [...head, ...middle, ...tail];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** Of one that compart gave out. Not of node:net, for all of which every start would pay. */
const isIPv6 = (address: string): boolean => address.includes(':');

const familyOf = (address: string): number => (isIPv6(address) ? AF_INET6 : AF_INET);

const gso = (bytes: number | null): Attribute[] => (bytes === null ? [] : [[IFLA.gsoMaxSize, bytes]]);

/** A pair of links (veth(4)), one of them in the stack's namespace. Pure. */
export function vethRequest(link: string, limits: GsoLimits, mtu: number): Request {
  const peer = encodeAttributes([
    [IFLA.ifname, INNER_LINK],
    [IFLA.mtu, mtu],
    [IFLA.netnsFd, NETNS_FD],
    ...gso(limits.tx),
  ]);
  return {
    what: `link ${link}`,
    inner: false,
    type: NEW_LINK,
    flags: FLAGS.create | FLAGS.exclusive,
    body: linkBody(0, false),
    indexAt: null,
    attributes: [
      [IFLA.ifname, link],
      [IFLA.mtu, mtu],
      ...gso(limits.rx),
      [
        IFLA.linkInfo,
        [
          [INFO.kind, 'veth'],
          [INFO.data, [[VETH_PEER, Buffer.concat([linkBody(0, false), peer])]]],
        ],
      ],
    ],
  };
}

const up = (what: string, inner: boolean, index: number): Request => ({
  what,
  inner,
  type: NEW_LINK,
  flags: 0,
  body: linkBody(index, true),
  indexAt: index === 0 ? INDEX_OF_LINK : null,
  attributes: [],
});

/** `own` with `peer` at the other end of the link: no broadcast domain, a route of one address. */
function address(inner: boolean, own: string, peer: string): Request {
  const six = isIPv6(own);
  return {
    what: `address ${own}`,
    inner,
    type: NEW_ADDRESS,
    flags: FLAGS.create | FLAGS.exclusive,
    // struct ifaddrmsg.
    body: Buffer.concat([Buffer.of(familyOf(own), six ? 128 : 32, six ? IFA_F_NODAD : 0, 0), u32(0)]),
    indexAt: 4,
    attributes: [
      [IFA.local, addressBytes(own)],
      [IFA.address, addressBytes(peer)],
    ],
  };
}

/** struct rtmsg, and the link that the route leads to. */
function route(
  inner: boolean,
  what: string,
  family: number,
  flags: number,
  rest: Partial<RouteParts>,
): Request {
  const { destination = null, gateway = null } = rest;
  const length = destination === null ? 0 : destination.length * 8;
  return {
    what,
    inner,
    type: NEW_ROUTE,
    flags,
    body: Buffer.concat([
      Buffer.of(family, length, 0, 0, TABLE_MAIN, PROTOCOL_BOOT, 0, UNICAST),
      u32(gateway === null ? 0 : RTNH_F_ONLINK),
      // The attribute of the link, in the body so that its place is known.
      encodeAttributes([[RTA.outLink, 0]]),
    ]),
    indexAt: 16,
    attributes: [
      ...(destination === null ? [] : [[RTA.destination, destination] as const]),
      ...(gateway === null ? [] : [[RTA.gateway, gateway] as const]),
    ],
  };
}

interface RouteParts {
  destination: Buffer | null;
  gateway: Buffer | null;
}

const defaultRoute = (gateway: string): Request =>
  route(true, `default route via ${gateway}`, familyOf(gateway), FLAGS.create | FLAGS.exclusive, {
    gateway: addressBytes(gateway),
  });

/** For a namespace that has no other link. */
export const LOOPBACK_UP = up('lo', true, LOOPBACK);

/** Gives both ends their addresses and routes, and lets packets flow; what shapes them is there before. Pure. */
export function addressRequests(
  link: string,
  { ipv4, gateway4, ipv6, gateway6 }: Addresses,
  routed6: boolean,
): Request[] {
  const six = ipv6 === null || gateway6 === null ? null : { own: ipv6, gateway: gateway6 };
  return [
    LOOPBACK_UP,
    address(false, gateway4, ipv4),
    address(true, ipv4, gateway4),
    ...(six === null ? [] : [address(false, six.gateway, six.own), address(true, six.own, six.gateway)]),
    up(`link ${link}`, false, 0),
    up(`link ${INNER_LINK}`, true, 0),
    // The kernel's own route to the peer of an IPv6 address may be missing where the address was there before the link.
    ...(six === null ? [] : [peerRoute(six.own)]),
    defaultRoute(gateway4),
    ...(six !== null && routed6 ? [defaultRoute(six.gateway)] : []),
  ];
}

const peerRoute = (peer: string): Request =>
  route(false, `route to ${peer}`, AF_INET6, FLAGS.create | FLAGS.replace, {
    destination: addressBytes(peer),
  });
