import { describe, expect, it } from '@jest/globals';
import { auditRequests, hasElements, tamperedChain } from '../../../src/host/network/audit.js';
import { encodeAttributes, type Message, type Request } from '../../../src/host/network/netlink.js';
import { addressesOf, CANDIDATES4, CANDIDATES6, type Pool } from '../../../src/host/network/pool.js';
import type { StackRules } from '../../../src/host/network/table.js';

const POOL: Pool = { ipv4: CANDIDATES4[0], ipv6: CANDIDATES6[0] };
const OPEN = { links4: [], all6: false };
const GUARDED = { links4: ['eth0'], all6: true };
const RULES: StackRules = {
  number: 2,
  addresses: addressesOf(POOL, 2),
  txLimitBps: 5_000_000,
  allow: [{ family: 'ip', address: '192.0.2.0/24', port: null }],
  peers: [],
};
const FREE: StackRules = { ...RULES, txLimitBps: null, allow: null };

const [NEW_RULE, NEW_ELEMENT] = [0xa06, 0xa0c];

/** What the kernel says of a rule. */
const rule = (chain: string): Message => ({
  type: NEW_RULE,
  torn: false,
  sequence: 0,
  body: Buffer.concat([
    Buffer.alloc(4),
    encodeAttributes([
      [1, 'compart'],
      [2, chain],
    ]),
  ]),
});
const element = (request: Request): Message => ({
  type: NEW_ELEMENT,
  torn: false,
  sequence: request.sequence ?? 0,
  body: Buffer.alloc(4),
});

/** So many rules in each chain: a table that has both guards. */
const MADE = { source: 4, forward: 7, input: 4, outward: 2, compart2: 3 };
const listed = (counts: Partial<typeof MADE>): Message[] =>
  Object.entries({ ...MADE, ...counts }).flatMap(([chain, count]) =>
    Array.from({ length: count }, () => rule(chain)),
  );

describe('an audit of the table', () => {
  it('asks for each element of a stack, then for the rules of each chain that it meets', () => {
    const names = (rules: StackRules): string[] => auditRequests(rules).map(({ what }) => what);
    const chains = ['source', 'forward', 'input', 'outward'].map((chain) => `rules of ${chain}`);
    expect(names(RULES)).toEqual([
      ...['addresses4', 'addresses6', 'ceilings', 'held'].map((set) => `element of ${set}`),
      ...chains,
      'rules of compart2',
    ]);
    expect(names(FREE)).toEqual(['element of addresses4', 'element of addresses6', ...chains]);
  });

  it('finds the elements where each of them was found', () => {
    const found = auditRequests(RULES).slice(0, 4).map(element);
    expect(hasElements(found, RULES)).toBe(true);
    for (const missing of found)
      expect(
        hasElements(
          found.filter((each) => each !== missing),
          RULES,
        ),
      ).toBe(false);
    expect(hasElements(found.slice(0, 2), FREE)).toBe(true);
    expect(hasElements([], FREE)).toBe(false);
  });

  it('finds nothing where all rules are there, with the guards or, once others forward too, without', () => {
    expect(tamperedChain(listed({}), POOL, [GUARDED, OPEN], RULES)).toBeNull();
    const unguarded = listed({ forward: 5 });
    expect(tamperedChain(unguarded, POOL, [GUARDED, OPEN], RULES)).toBeNull();
    expect(tamperedChain(unguarded, POOL, [GUARDED, GUARDED], RULES)).toBe('forward');
  });

  it.each([
    ['source', 'lost a rule', { source: 3 }],
    ['source', 'gone', { source: 0 }],
    ['forward', 'lost a rule', { forward: 6 }],
    ['outward', 'lost a masquerade', { outward: 1 }],
    ['compart2', 'lost a rule of the stack', { compart2: 2 }],
    ['input', 'won a rule of others', { input: 5 }],
  ])('names chain %s, which has %s', (chain, _what, counts) => {
    expect(tamperedChain(listed(counts), POOL, [GUARDED], RULES)).toBe(chain);
  });

  it('does not ask for the chain of a stack without --allow', () => {
    expect(tamperedChain(listed({ compart2: 0 }), POOL, [GUARDED], FREE)).toBeNull();
  });
});
