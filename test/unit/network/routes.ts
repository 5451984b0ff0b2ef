/** What /proc/net/route and /proc/net/ipv6_route of real hosts say. */
export const ROUTE_HEADER =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       \n';

/** A line of /proc/net/route, as the kernel of a little-endian machine writes it. */
export function route(network: string, length: number, link = 'tun0', gateway = '0.0.0.0'): string {
  const hex = (bytes: number[]): string =>
    bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
  const reversed = (address: string): string => hex(address.split('.').map(Number).reverse());
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  const maskBytes = hex([mask & 255, (mask >>> 8) & 255, (mask >>> 16) & 255, mask >>> 24]);
  return `${link}\t${reversed(network)}\t${reversed(gateway)}\t0001\t0\t0\t0\t${maskBytes}\t0\t0\t0${' '.repeat(83)}\n`;
}

/** A line of /proc/net/ipv6_route; the prefix and its length in hexadecimal, as they are there. */
export const route6 = (prefix: string, length: string, link = 'tun0'): string =>
  `${prefix.padEnd(32, '0')} ${length} ${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00000400 00000001 00000000 00000001     ${link}\n`;

/** A host in a LAN: its default route, and the LAN itself. */
export const LAN_ROUTES = `${ROUTE_HEADER}eth0	00000000	0101A8C0	0003	0	0	0	00000000	0	0	0                                                                               
eth0	0001A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0                                                                               
`;

/** The same with docker0, virbr0, and a default route over wlan0 besides. */
export const DOCKER_ROUTES = `${LAN_ROUTES}wlan0	00000000	0101A8C0	0003	0	0	600	00000000	0	0	0                                                                               
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0                                                                               
virbr0	007AA8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0                                                                               
`;

export const withRoutes = (...lines: string[]): string => LAN_ROUTES + lines.join('');

/** IPv6 in the same LAN, with a way out. */
export const LAN_ROUTES6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000004 00000000 80200001       lo
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000005 00000000 80200001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;
