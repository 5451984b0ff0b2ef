import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { HOST_NAME } from '../../../src/compartments/net/names.js';
import { Network } from '../../../src/compartments/net/network.js';
import { peersOf, tellPeers } from '../../../src/compartments/net/peers.js';
import { Host } from '../../../src/host/host.js';
import { addressesOf, CANDIDATES4, type Addresses } from '../../../src/host/network/pool.js';
import { selfIdentity } from '../../../src/host/proc/identity.js';
import { Store } from '../../../src/state/store.js';
import { compartment, useFolder } from '../state.js';

const folder = useFolder();
const self = selfIdentity('/proc');
const idOf = (name: string): string => Buffer.from(name).toString('hex').padEnd(32, '0');
const addressesOfNumber = (number: number): Addresses =>
  addressesOf({ ipv4: CANDIDATES4[0], ipv6: null }, number);
const network = (): Network =>
  new Network(
    new Host({ proc: '/proc', network: `${folder.path}/net` } as Host['paths'], { uid: 0, gid: 0 }),
    'world',
  );

/** A stack on disk, as it is while it runs. @returns its number */
function stack(name: string, project: string | null, state = `${folder.path}/state`): number {
  const lessee = { state, name, id: idOf(name), claimer: self };
  const number = network().leases.take(lessee, 2, 4094, () => true) ?? 0;
  const limits = { allow: null };
  const handles = { number, addresses: addressesOfNumber(number), hostAddress: '10.210.0.1' };
  const net = { driver: 'veth', limits, notEnforced: [], handles };
  const plain = compartment(name, { id: idOf(name), subsystems: { net } });
  new Store(state).claim({ ...plain, spec: { ...plain.spec, project } }, self);
  return number;
}
const ground = (name: string, project: string | null) => ({
  id: idOf(name),
  state: `${folder.path}/state`,
  project,
});
const namesOf = (name: string, project: string | null): string[] =>
  peersOf(network(), ground(name, project)).map((peer) => peer.name);
const hostsOf = (name: string): string[] =>
  readFileSync(`${folder.path}/state/compartments/${name}/hosts`, 'utf8')
    .split('\n')
    .filter((line) => line.includes('\t10.') || line.startsWith('10.'));

const FILE = '/srv/compart.yaml';

describe('the peers of a stack', () => {
  it('are the others of its file, in the same state folder', () => {
    for (const name of ['web', 'db', 'cache']) stack(name, FILE);
    stack('stranger', '/srv/other.yaml');
    stack('lone', null);
    stack('elsewhere', FILE, `${folder.path}/other-state`);
    expect(namesOf('web', FILE)).toEqual(['db', 'cache']);
    expect(namesOf('stranger', '/srv/other.yaml')).toEqual([]);
    expect(namesOf('lone', null)).toEqual([]);
  });

  it('are not those whose name has been taken anew, or whose record is gone', () => {
    stack('web', FILE);
    stack('db', FILE);
    const store = new Store(`${folder.path}/state`);
    store.drop('db');
    expect(namesOf('web', FILE)).toEqual([]);
    store.claim(compartment('db', { id: 'f'.repeat(32) }), self);
    expect(namesOf('web', FILE)).toEqual([]);
  });

  it('are told of one that joins, each with its own lines, and of one that has left', () => {
    const [web, db] = [stack('web', FILE), stack('db', FILE)];
    const line = (number: number, name: string) => `${addressesOfNumber(number).ipv4}\t${name}`;
    const host = `10.210.0.1\t${HOST_NAME}`;
    const joined = { name: 'cache', addresses: addressesOfNumber(9) };
    tellPeers(network(), ground('cache', FILE), joined);
    expect(hostsOf('web')).toEqual([line(web, 'web'), host, line(db, 'db'), line(9, 'cache')]);
    expect(hostsOf('db')).toEqual([line(db, 'db'), host, line(web, 'web'), line(9, 'cache')]);
    tellPeers(network(), ground('cache', FILE), null);
    expect(hostsOf('web')).toEqual([line(web, 'web'), host, line(db, 'db')]);
  });
});
