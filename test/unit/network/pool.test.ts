import { describe, expect, it } from '@jest/globals';
import {
  addressesOf,
  CANDIDATES4,
  CANDIDATES6,
  choosePool,
  FIRST_NUMBER,
  LAST_NUMBER,
  type Pool,
} from '../../../src/host/network/pool.js';
import { said } from '../units/wrong.js';
import { DOCKER_ROUTES, LAN_ROUTES, LAN_ROUTES6, route, route6, ROUTE_HEADER, withRoutes } from './routes.js';

const FIRST: Pool = { ipv4: CANDIDATES4[0], ipv6: CANDIDATES6[0] };
const chosen = (...more: string[]): string => choosePool(withRoutes(...more), null).ipv4;

describe('the network that stacks are numbered in', () => {
  it.each([
    ['a host in a LAN', LAN_ROUTES],
    ['a host with docker, libvirt and a LAN', DOCKER_ROUTES],
    ['a host without any route', ROUTE_HEADER],
  ])('is the first candidate on %s', (_what, routes) => {
    expect(choosePool(routes, LAN_ROUTES6)).toEqual(FIRST);
  });

  it('is the next one where a route leads into the first, to all of it, and to more than it', () => {
    expect(chosen(route('10.210.3.0', 24))).toBe('10.137.0.0/16');
    expect(chosen(route('10.210.255.255', 32))).toBe('10.137.0.0/16');
    expect(chosen(route('10.210.0.0', 16))).toBe('10.137.0.0/16');
    expect(chosen(route('10.208.0.0', 12))).toBe('10.137.0.0/16');
    expect(chosen(route('10.0.0.0', 8))).toBe('172.29.0.0/16');
    expect(chosen(route('10.0.0.0', 8), route('172.16.0.0', 12))).toBe('192.168.224.0/20');
  });

  it('stays the first beside its neighbours', () => {
    expect(chosen(route('10.209.0.0', 16), route('10.211.0.0', 16))).toBe('10.210.0.0/16');
  });

  it('is not missing under a VPN that takes the whole of the internet in two halves', () => {
    expect(chosen(route('0.0.0.0', 1), route('128.0.0.0', 1))).toBe('10.210.0.0/16');
    const halves = route6('0', '01') + route6('8', '01');
    expect(choosePool(LAN_ROUTES, LAN_ROUTES6 + halves).ipv6).toBe(CANDIDATES6[0]);
  });

  it('is missing where every candidate has a route, and the message names them', () => {
    const all = [route('10.0.0.0', 8), route('172.16.0.0', 12), route('192.168.0.0', 16)];
    expect(said(() => choosePool(withRoutes(...all), null))).toEqual({
      code: 'ERR_COMPART_UNSUPPORTED',
      message:
        'this host has routes into every network that stacks could have: 10.210.0.0/16, 10.137.0.0/16, 172.29.0.0/16, 10.83.0.0/16, 192.168.224.0/20',
      hint: 'take one of those routes away',
    });
  });

  it('has IPv6 where the kernel has, from the second prefix where the first has a route, none where both have', () => {
    const [first, second] = [
      route6('fd636f6d70617274', '40'),
      route6('fd636f6d706172750000000000000001', '80'),
    ];
    expect(choosePool(LAN_ROUTES, null).ipv6).toBeNull();
    expect(choosePool(LAN_ROUTES, '').ipv6).toBe(CANDIDATES6[0]);
    expect(choosePool(LAN_ROUTES, LAN_ROUTES6 + first).ipv6).toBe(CANDIDATES6[1]);
    expect(choosePool(LAN_ROUTES, LAN_ROUTES6 + first + second).ipv6).toBeNull();
    expect(choosePool(LAN_ROUTES, LAN_ROUTES6 + route6('fd63', '10')).ipv6).toBeNull();
  });
});

describe('the addresses of a stack', () => {
  const asNumber = (ipv4: string): number =>
    ipv4.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

  it('are those after the gateway, from the first number to the last', () => {
    expect(addressesOf(FIRST, FIRST_NUMBER)).toEqual({
      ipv4: '10.210.0.2',
      gateway4: '10.210.0.1',
      ipv6: 'fd63:6f6d:7061:7274::2',
      gateway6: 'fd63:6f6d:7061:7274::1',
    });
    expect(addressesOf(FIRST, LAST_NUMBER)).toMatchObject({
      ipv4: '10.210.15.254',
      ipv6: 'fd63:6f6d:7061:7274::ffe',
    });
    expect(addressesOf({ ...FIRST, ipv6: null }, 7)).toMatchObject({ ipv6: null, gateway6: null });
  });

  it.each(CANDIDATES4)(
    'are all different in %s, inside it, and never its gateway, first or last',
    (candidate) => {
      const [base = '', length = ''] = candidate.split('/');
      const first = asNumber(base);
      const last = first + 2 ** (32 - Number(length)) - 1;
      const [seen4, seen6] = [new Set<string>(), new Set<string>()];
      for (let number = FIRST_NUMBER; number <= LAST_NUMBER; number += 1) {
        const { ipv4, gateway4, ipv6 } = addressesOf({ ipv4: candidate, ipv6: CANDIDATES6[0] }, number);
        expect(asNumber(gateway4)).toBe(first + 1);
        expect(asNumber(ipv4)).toBeGreaterThan(first + 1);
        expect(asNumber(ipv4)).toBeLessThan(last);
        seen4.add(ipv4);
        seen6.add(ipv6 ?? '');
      }
      const count = LAST_NUMBER - FIRST_NUMBER + 1;
      expect([seen4.size, seen6.size]).toEqual([count, count]);
    },
  );
});
