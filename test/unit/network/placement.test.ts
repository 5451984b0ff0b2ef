import { describe, expect, it } from '@jest/globals';
import { placementIn } from '../../../src/compartments/net/placement.js';
import type { NetRecord } from '../../../src/compartments/net/record.js';
import { Host } from '../../../src/host/host.js';
import { enterRouter, routerProc, type Router } from '../../../src/host/network/router.js';

const host = (uid: number): Host => new Host({ proc: '/proc' } as Host['paths'], { uid, gid: uid });
const placement = (uid: number, router: Router) =>
  placementIn(host(uid), '/state/web', { handles: { number: 7, router } } as NetRecord);

const FORWARD: Router = { holder: null, ownUsers: false, uplink: 'forward' };
const HELD: Router = { holder: { pid: 42, startTime: 1 }, ownUsers: true, uplink: 'slirp4netns' };
/** capabilities(7) by number. */
const [NET_ADMIN, NET_RAW, SYS_PTRACE, SYS_ADMIN] = [12, 13, 19, 21];

describe('how a command gets into a stack', () => {
  it('as root by the name of the namespace, less the capabilities that lead out, but with ping', () => {
    const { namespaces, userns, capDrop } = placement(0, FORWARD);
    expect(namespaces).toEqual([{ type: 'net', path: '/run/netns/compart7' }]);
    expect(userns).toBeUndefined();
    expect(capDrop).toEqual(expect.arrayContaining([NET_ADMIN, SYS_PTRACE, SYS_ADMIN]));
    expect(capDrop).not.toContain(NET_RAW);
  });

  it('without root through the user namespace of the holder, and then into one of its own with its own ids', () => {
    const { namespaces, userns, capDrop, sysctls } = placement(1000, HELD);
    expect(namespaces).toEqual([
      { type: 'user', path: '/proc/42/ns/user' },
      { type: 'net', path: '/proc/42/root/run/netns/compart7' },
    ]);
    expect(userns).toEqual({ uid: 1000, gid: 1000 });
    expect(capDrop).toBeUndefined();
    // Only ids that the holder's namespace has may be written.
    expect(sysctls).toContainEqual({ name: 'net/ipv4/ping_group_range', value: '0 0' });
  });

  it('for tools likewise, with nothing before them where the host’s own namespace is the router', () => {
    expect(enterRouter(FORWARD)).toEqual([]);
    expect(enterRouter(HELD)).toEqual(
      'nsenter --target 42 --user --preserve-credentials --net --mount --'.split(' '),
    );
    expect([routerProc(FORWARD, '/proc'), routerProc(HELD, '/proc')]).toEqual(['/proc', '/proc/42']);
  });
});
