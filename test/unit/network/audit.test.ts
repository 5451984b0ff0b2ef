import { describe, expect, it } from '@jest/globals';
import { auditLines, tamperedChain } from '../../../src/host/network/audit.js';
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

/** What nft 1.0.6 prints with --terse of a table that has both guards. */
const LISTED = `table inet compart {
	set addresses4 {
		type ifname . ipv4_addr
	}

	chain source {
		type filter hook prerouting priority -350; policy accept;
		iifname != "compart*" accept
		iifname . ip saddr != @addresses4 drop
		ip6 saddr != { ::, fe80::/10 } iifname . ip6 saddr != @addresses6 drop
		limit name iifname map @ceilings drop
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname @guarded oifname != "compart*" drop
		meta nfproto ipv6 iifname != "compart*" oifname != "compart*" drop
		iifname != "compart*" oifname != "compart*" accept
		ct state established,related accept
		meta l4proto tcp oifname "compart*" iifname . oifname != @peers reject with tcp reset
		oifname "compart*" iifname . oifname != @peers reject with icmpx admin-prohibited
		iifname vmap @held
	}

	chain input {
		type filter hook input priority filter; policy accept;
		iifname != "compart*" accept
		ct state established,related accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		iifname vmap @held
	}

	chain outward {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.210.0.0/16 oifname != "compart*" masquerade
		ip6 saddr fd63:6f6d:7061:7274::/64 oifname != "compart*" masquerade
	}

	chain compart2 {
		ip daddr 192.0.2.0/24 accept
		meta nfproto ipv6 meta l4proto tcp counter name "compart2" reject with tcp reset
		counter name "compart2" reject with icmpx admin-prohibited
	}
}
`;
const without = (line: string): string => {
  const text = LISTED.split('\n').filter((each) => !each.includes(line));
  expect(text.length).toBeLessThan(LISTED.split('\n').length);
  return text.join('\n');
};

describe('an audit of the table', () => {
  it('asks for each element of a stack, then for the whole table', () => {
    expect(auditLines(RULES)).toEqual([
      'get element inet compart addresses4 { "compart2" . 10.210.0.2 }',
      'get element inet compart addresses6 { "compart2" . fd63:6f6d:7061:7274::2 }',
      'get element inet compart ceilings { "compart2" }',
      'get element inet compart held { "compart2" }',
      'list table inet compart',
    ]);
    expect(auditLines(FREE)).toHaveLength(3);
  });

  it('finds nothing where all rules are there, with the guards or, once others forward too, without', () => {
    expect(tamperedChain(LISTED, POOL, [GUARDED, OPEN], RULES)).toBeNull();
    const unguarded = without('@guarded').replace(/^.*nfproto ipv6 iifname.*\n/m, '');
    expect(tamperedChain(unguarded, POOL, [GUARDED, OPEN], RULES)).toBeNull();
    expect(tamperedChain(unguarded, POOL, [GUARDED, GUARDED], RULES)).toBe('forward');
  });

  it.each([
    ['source', 'a rule', without('@addresses4 drop')],
    ['source', 'a chain', LISTED.replace('chain source', 'chain sauce')],
    ['forward', 'a rule', without('iifname vmap @held')],
    ['outward', 'a masquerade', without('ip6 saddr fd63')],
    ['compart2', 'a rule of the stack', without('192.0.2.0/24')],
    ['input', 'a rule of others', LISTED.replace('\t\ticmpv6', '\t\taccept\n\t\ticmpv6')],
  ])('names chain %s, which has lost or won %s', (chain, _what, text) => {
    expect(tamperedChain(text, POOL, [GUARDED], RULES)).toBe(chain);
  });

  it('does not ask for the chain of a stack without --allow', () => {
    expect(tamperedChain(without('counter name'), POOL, [GUARDED], FREE)).toBeNull();
  });
});
