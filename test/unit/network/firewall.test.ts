import { expect, it } from '@jest/globals';
import { forwardChains } from '../../../src/host/network/firewall.js';
import { encodeAttributes, type Message } from '../../../src/host/network/netlink.js';

const NEW_CHAIN = 0xa03;
const [INET, IP, BRIDGE] = [1, 2, 7];
const [INPUT, FORWARD] = [1, 2];

/** What the kernel says of a chain: its family, names, and the hook of one that packets come to by themselves. */
function chain(family: number, table: string, name: string, hook: number | null): Message {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(hook ?? 0);
  const attributes = encodeAttributes([
    [1, table],
    [3, name],
    ...(hook === null ? [] : [[4, [[1, number]]] as const]),
  ]);
  const body = Buffer.concat([Buffer.of(family, 0, 0, 0), attributes]);
  return { type: NEW_CHAIN, torn: false, sequence: 0, body };
}

it('names the chains of others that forwarded packets go through', () => {
  expect(
    forwardChains([
      chain(IP, 'filter', 'FORWARD', FORWARD),
      chain(IP, 'filter', 'DOCKER-USER', null),
      chain(INET, 'firewalld', 'filter_INPUT', INPUT),
      chain(INET, 'firewalld', 'filter_FORWARD', FORWARD),
      chain(BRIDGE, 'filter', 'FORWARD', FORWARD),
    ]),
  ).toEqual(['ip filter FORWARD', 'inet firewalld filter_FORWARD']);
});

it('leaves out its own table, and says nothing of what it cannot read', () => {
  const cut = { ...chain(IP, 'filter', 'FORWARD', FORWARD), body: Buffer.of(IP, 0, 0, 0, 200) };
  expect(forwardChains([chain(INET, 'compart', 'forward', FORWARD), cut])).toEqual([]);
  expect(forwardChains([])).toEqual([]);
});
