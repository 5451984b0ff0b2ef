import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressesOf, CANDIDATES4, CANDIDATES6, type Pool } from '../../../src/host/network/pool.js';
import { shapeOf } from '../../../src/host/network/qdisc.js';
import {
  allowLines,
  destinationLines,
  parseCounter,
  stackLines,
  TABLE,
  tableLines,
  withoutStackLines,
  type Destination,
  type StackRules,
} from '../../../src/host/network/table.js';

const POOL: Pool = { ipv4: CANDIDATES4[0], ipv6: CANDIDATES6[0] };
const OPEN = { links4: [], all6: false };

const destinations: fc.Arbitrary<Destination> = fc.record({
  family: fc.constant('ip' as const),
  address: fc.ipV4(),
  port: fc.option(fc.integer({ min: 1, max: 65_535 })),
});
const rules: fc.Arbitrary<StackRules> = fc
  .record({
    number: fc.integer({ min: 2, max: 4094 }),
    six: fc.boolean(),
    txLimitBps: fc.option(fc.integer({ min: 8000, max: 1e11 })),
    allow: fc.option(fc.array(destinations, { maxLength: 4 })),
    peers: fc.uniqueArray(fc.integer({ min: 2, max: 4094 }), { maxLength: 4 }),
  })
  .map(({ six, ...rest }) => ({
    ...rest,
    addresses: addressesOf({ ...POOL, ipv6: six ? POOL.ipv6 : null }, rest.number),
    peers: rest.peers.filter((peer) => peer !== rest.number),
  }));

/** What a line adds or deletes by itself; rules go with their chain. */
function objects(lines: string[], verb: 'add' | 'delete'): string[] {
  return lines.flatMap((line) => {
    const match = new RegExp(`^${verb} (element|limit|counter|chain) ${TABLE} (.*)$`).exec(line);
    if (match === null) return [];
    const [, kind = '', rest = ''] = match;
    if (kind !== 'element') return [`${kind} ${rest.split(' ')[0]}`];
    const [, set = '', inside = ''] = /^(\w+) \{ (.*) \}$/.exec(rest) ?? [];
    // A map is deleted from by its key.
    return inside.split(', ').map((each) => `${set} ${each.split(' : ')[0]}`);
  });
}

describe('the rules of a stack', () => {
  it('are taken away one for one, whatever it was held to', () => {
    fc.assert(
      fc.property(rules, (each) => {
        const added = objects(stackLines(each), 'add').sort();
        expect(added.length).toBeGreaterThan(0);
        expect(objects(withoutStackLines(each), 'delete').sort()).toEqual(added);
      }),
    );
  });

  it('are taken away before what they refer to', () => {
    const lines = withoutStackLines({
      number: 7,
      addresses: addressesOf(POOL, 7),
      txLimitBps: 1e6,
      allow: [],
      peers: [],
    });
    const at = (text: string): number => lines.findIndex((line) => line.startsWith(`delete ${text}`));
    expect(at(`element ${TABLE} ceilings`)).toBeLessThan(at(`limit ${TABLE}`));
    expect(at(`element ${TABLE} held`)).toBeLessThan(at(`chain ${TABLE}`));
    expect(at(`chain ${TABLE}`)).toBeLessThan(at(`counter ${TABLE}`));
  });

  it('have a ceiling at the rate whose burst is above the shaper’s, so that it drops nothing that was shaped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8000, max: 1e11 }), (rate) => {
        const lines = stackLines({
          number: 2,
          addresses: addressesOf(POOL, 2),
          txLimitBps: rate,
          allow: null,
          peers: [],
        });
        const [, perSecond, burst] =
          /rate over (\d+) bytes\/second burst (\d+) bytes/.exec(lines.join('\n')) ?? [];
        expect(Number(perSecond) * 8).toBeGreaterThanOrEqual(rate);
        expect(Number(perSecond) * 8).toBeLessThan(rate + 8);
        expect(Number(burst)).toBeGreaterThan(shapeOf(rate).burstBytes);
      }),
    );
  });

  it('let nothing pass with an empty --allow, and end with a refusal that is counted', () => {
    const refusals = [
      'meta nfproto ipv6 meta l4proto tcp counter name "compart2" reject with tcp reset',
      'counter name "compart2" reject with icmpx type admin-prohibited',
    ];
    expect(destinationLines(2, [])).toEqual([
      `flush chain ${TABLE} compart2`,
      ...refusals.map((rule) => `add rule ${TABLE} compart2 ${rule}`),
    ]);
    const some: Destination[] = [
      { family: 'ip', address: '192.0.2.0/24', port: null },
      { family: 'ip6', address: '2001:db8::1', port: 443 },
    ];
    expect(allowLines(2, some).at(-1)).toBe(`add element ${TABLE} held { "compart2" : jump compart2 }`);
    expect(destinationLines(2, some).slice(1)).toEqual(
      [
        'ip daddr 192.0.2.0/24 accept',
        'ip6 daddr 2001:db8::1 tcp dport 443 accept',
        'ip6 daddr 2001:db8::1 udp dport 443 accept',
        ...refusals,
      ].map((rule) => `add rule ${TABLE} compart2 ${rule}`),
    );
  });
});

describe('the table', () => {
  it('guards only links whose forwarding compart switched on', () => {
    const guarded = (guards: Parameters<typeof tableLines>[1]): string[] =>
      tableLines(POOL, guards).filter((line) => line.endsWith('oifname != "compart*" drop'));
    expect(guarded(OPEN)).toEqual([]);
    expect(guarded({ links4: ['eth0'], all6: false })).toEqual([
      `add rule ${TABLE} forward meta nfproto ipv4 iifname @guarded oifname != "compart*" drop`,
    ]);
    expect(guarded({ links4: [], all6: true })).toEqual([
      `add rule ${TABLE} forward meta nfproto ipv6 iifname != "compart*" oifname != "compart*" drop`,
    ]);
    expect(tableLines(POOL, { links4: ['eth0', 'wg0'], all6: false })).toEqual(
      expect.arrayContaining([
        `add element ${TABLE} guarded { "eth0" }`,
        `add element ${TABLE} guarded { "wg0" }`,
      ]),
    );
  });

  it('hides IPv6 addresses of stacks only where they have some', () => {
    expect(tableLines(POOL, OPEN).join('\n')).toContain(`ip6 saddr ${CANDIDATES6[0]}`);
    expect(tableLines({ ...POOL, ipv6: null }, OPEN).join('\n')).not.toContain('null');
  });

  it('never takes away a stack that is in it already: no line flushes or deletes more than rules and guards', () => {
    for (const line of tableLines(POOL, { links4: ['eth0'], all6: true }))
      expect(line).toMatch(/^add |^flush (chain|set inet compart guarded$)/);
  });
});

describe('the counter of a stack', () => {
  it.each([
    [
      '{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"counter": {"family": "inet", "name": "compart2", "table": "compart", "handle": 9, "packets": 12, "bytes": 720}}]}',
      12,
    ],
    ['{"nftables": [{"metainfo": {"version": "1.0.6"}}]}', 0],
    ['', 0],
  ])('in %s is %d', (text, packets) => {
    expect(parseCounter(text)).toBe(packets);
  });
});
