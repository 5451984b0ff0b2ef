import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  forwardFrom,
  forwardingHere,
  guardsNow,
  planForwarding,
  switchOff,
  switchOn,
  uplinks4,
  uplinks6,
} from '../../../src/host/network/forwarding.js';
import { errorOf } from '../units/wrong.js';
import { useFolder } from '../state.js';
import { DOCKER_ROUTES, LAN_ROUTES, LAN_ROUTES6, route, route6, ROUTE_HEADER, withRoutes } from './routes.js';

const folder = useFolder();
const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  eth0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(`${folder.path}/${name}`), { recursive: true });
    writeFileSync(`${folder.path}/${name}`, text);
  }
}
const V4 = 'ipv4/conf/eth0/forwarding';
const ALL4 = 'ipv4/conf/all/forwarding';
const ALL6 = 'ipv6/conf/all/forwarding';
const FORCED = 'ipv6/conf/eth0/force_forwarding';
const RA = 'ipv6/conf/eth0/accept_ra';
const sys = (settings: Record<string, string>): void =>
  write(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [`sys/net/${name}`, `${value}\n`])),
  );
const setting = (name: string): string => readFileSync(`${folder.path}/sys/net/${name}`, 'utf8').slice(0, 1);

/** A host in a LAN that forwards nothing, as far as it is not changed. */
function lend(changed: Record<string, string> = {}, routes = LAN_ROUTES, routes6 = LAN_ROUTES6): string {
  write({ 'net/route': routes, 'net/ipv6_route': routes6, 'net/dev': DEV });
  sys({ [V4]: '0', [ALL4]: '0', [ALL6]: '0', [RA]: '1', ...changed });
  return folder.path;
}

describe('the links of the default routes', () => {
  it('are all that have one, for IPv4 and for IPv6, each once, and never the loopback that refuses', () => {
    expect(uplinks4(LAN_ROUTES)).toEqual(['eth0']);
    expect(uplinks4(DOCKER_ROUTES)).toEqual(['eth0', 'wlan0']);
    expect(uplinks4(ROUTE_HEADER)).toEqual([]);
    expect(uplinks4('')).toEqual([]);
    expect(uplinks6(LAN_ROUTES6)).toEqual(['eth0']);
    expect(uplinks6(LAN_ROUTES6 + LAN_ROUTES6)).toEqual(['eth0']);
    expect(uplinks6(LAN_ROUTES6.split('\n').slice(-2).join('\n'))).toEqual([]);
    expect(uplinks6('')).toEqual([]);
  });

  it('are also those of a VPN that takes the internet in two halves', () => {
    expect(uplinks4(withRoutes(route('0.0.0.0', 1), route('128.0.0.0', 1)))).toEqual(['eth0', 'tun0']);
    expect(uplinks6(LAN_ROUTES6 + route6('0', '01') + route6('8', '01'))).toEqual(['eth0', 'tun0']);
    expect(uplinks4(withRoutes(route('0.0.0.0', 8), route('128.0.0.0', 2)))).toEqual(['eth0']);
  });
});

describe('what is switched on', () => {
  it('is IPv4 on the uplink, and IPv6 on all links with router advertisements kept', () => {
    expect(forwardingHere(lend())).toEqual({
      sysctls: [
        { name: V4, from: '0', to: '1' },
        { name: RA, from: '1', to: '2' },
        { name: ALL6, from: '0', to: '1' },
      ],
      guards: { links4: ['eth0'], all6: true },
      routed6: true,
    });
  });

  it('is IPv6 on the uplink alone where the kernel can', () => {
    expect(forwardingHere(lend({ [FORCED]: '0' }))).toMatchObject({
      sysctls: [
        { name: V4, from: '0', to: '1' },
        { name: FORCED, from: '0', to: '1' },
      ],
      guards: { all6: true },
    });
  });

  it('is nothing on a host that forwards already, so that nothing is guarded', () => {
    expect(forwardingHere(lend({ [V4]: '1', [ALL4]: '1', [ALL6]: '1' }))).toEqual({
      sysctls: [],
      guards: { links4: [], all6: false },
      routed6: true,
    });
  });

  it('is nothing of IPv6 on a host without a way out for it, and nothing at all without any route', () => {
    expect(forwardingHere(lend({}, LAN_ROUTES, ''))).toEqual({
      sysctls: [{ name: V4, from: '0', to: '1' }],
      guards: { links4: ['eth0'], all6: false },
      routed6: false,
    });
    expect(forwardingHere(`${folder.path}/nothing`)).toEqual({
      sysctls: [],
      guards: { links4: [], all6: false },
      routed6: false,
    });
  });

  it('leaves alone links that ignore router advertisements, or keep them already', () => {
    const plan = (value: string) =>
      planForwarding([], ['eth0'], ['eth0'], (name) => (name === RA ? value : name === ALL6 ? '0' : null));
    expect(plan('0').sysctls.map(({ name }) => name)).toEqual([ALL6]);
    expect(plan('2').sysctls.map(({ name }) => name)).toEqual([ALL6]);
  });
});

describe('switching on and off', () => {
  it('puts everything back as it was', () => {
    const proc = lend();
    const plan = forwardingHere(proc);
    switchOn(proc, plan);
    expect([V4, ALL6, RA].map(setting)).toEqual(['1', '1', '2']);
    switchOff(proc, plan);
    expect([V4, ALL6, RA].map(setting)).toEqual(['0', '0', '1']);
    switchOff(proc, plan);
    expect([V4, ALL6, RA].map(setting)).toEqual(['0', '0', '1']);
  });

  it('leaves alone what somebody has set otherwise since, and a link that has gone', () => {
    const proc = lend();
    const plan = forwardingHere(proc);
    switchOn(proc, plan);
    sys({ [RA]: '0' });
    const gone = { name: 'ipv4/conf/ppp0/forwarding', from: '0', to: '1' };
    switchOff(proc, { ...plan, sysctls: [...plan.sysctls, gone] });
    expect([V4, ALL6, RA].map(setting)).toEqual(['0', '0', '0']);
  });

  it('leaves forwarding on, and guards nothing, where somebody switched it on for the whole host since', () => {
    const proc = lend({ [FORCED]: '0' });
    const plan = forwardingHere(proc);
    switchOn(proc, plan);
    expect(guardsNow(proc, plan)).toEqual(plan.guards);
    sys({ [ALL4]: '1', [ALL6]: '1' });
    expect(guardsNow(proc, plan)).toEqual({ links4: [], all6: false });
    switchOff(proc, plan);
    expect([V4, FORCED].map(setting)).toEqual(['1', '1']);
  });

  it('is refused by name where a setting cannot be written', () => {
    const proc = lend();
    const sysctls = [{ name: 'ipv4/conf/none/forwarding', from: '0', to: '1' }];
    const plan = { ...forwardingHere(proc), sysctls };
    expect(errorOf(() => switchOn(proc, plan)).message).toMatch(
      /^cannot write "1" to .*sys\/net\/ipv4\/conf\/none\/forwarding: No such file or directory$/,
    );
  });

  it('lets the end of a new link hand on, for IPv6 only where it is routed and the kernel can', () => {
    const link = 'ipv4/conf/compart2/forwarding';
    const forced = 'ipv6/conf/compart2/force_forwarding';
    const proc = lend({ [link]: '0', [forced]: '0' });
    forwardFrom(proc, 'compart2', false);
    expect([link, forced].map(setting)).toEqual(['1', '0']);
    forwardFrom(proc, 'compart2', true);
    expect([link, forced].map(setting)).toEqual(['1', '1']);
  });
});
