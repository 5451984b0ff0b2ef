import type { HostPaths } from '../host.js';
import { readKernelFile } from '../kernfs.js';
import { exchangeWhole } from './exchange.js';
import { FAMILY, list, NFGEN_BYTES, NFT } from './netfilter-requests.js';
import { decodeAttributes, textOf, type Message } from './netlink.js';
import { parseCounter, TABLE } from './table.js';
import { tryTool } from './tools.js';

const CHAIN = { table: 1, name: 3, hook: 4 } as const;
const HOOK_NUMBER = 1;
/** NF_INET_FORWARD. */
const FORWARD = 2;
const FAMILY_NAMES: ReadonlyMap<number, string> = new Map([
  [FAMILY.ip, 'ip'],
  [FAMILY.inet, 'inet'],
]);

const CHAINS = list({ what: 'chains of nftables', type: NFT.getChain, family: FAMILY.any, attributes: [] });

/** Chains of others through which forwarded packets go, as `FAMILY TABLE CHAIN`, of a list of all chains. Pure. */
export function forwardChains(messages: readonly Message[]): string[] {
  return messages
    .filter(({ type }) => type === NFT.newChain)
    .flatMap(({ body }) => {
      const family = FAMILY_NAMES.get(body[0] ?? FAMILY.any);
      const chain = decodeAttributes(body.subarray(NFGEN_BYTES));
      const hook = decodeAttributes(chain.get(CHAIN.hook) ?? Buffer.alloc(0)).get(HOOK_NUMBER);
      const table = `${family} ${textOf(chain.get(CHAIN.table))}`;
      if (family === undefined || hook?.readUInt32BE() !== FORWARD || table === TABLE) return [];
      return [`${table} ${textOf(chain.get(CHAIN.name))}`];
    });
}

/**
 * Who else has a say in what this host forwards: chains of nftables, and the older tables of iptables-legacy(8), which
 * nftables does not see.
 */
export function othersWhoForward({ proc, native }: HostPaths): string[] {
  const messages = exchangeWhole([], {
    program: native('netlink'),
    netns: '',
    link: '',
    make: false,
    requests: [CHAINS],
  });
  const legacy = (readKernelFile(`${proc}/net/ip_tables_names`) ?? '').split('\n').includes('filter');
  return [...forwardChains(messages), ...(legacy ? ['iptables-legacy FORWARD'] : [])];
}

/** The discard service (RFC 863) of a network that exists in documents only (RFC 5737): it goes by the default route. */
export const NOWHERE = { ip: '198.51.100.1', port: 9 } as const;
const KNOCK = `${TABLE} knock`;

/**
 * Lines that catch what `from` sends to {@link NOWHERE} after everybody has let it pass, before its source is masked
 * and before it leaves the host. Pure.
 */
export const knockLines = (from: string): string[] => [
  `add chain ${KNOCK} { type filter hook postrouting priority 50; policy accept; }`,
  `flush chain ${KNOCK}`,
  `add rule ${KNOCK} ip saddr ${from} ip daddr ${NOWHERE.ip} udp dport ${NOWHERE.port} counter drop`,
];

export const NO_KNOCK: readonly string[] = [`flush chain ${KNOCK}`, `delete chain ${KNOCK}`];

/** How many have come through. */
export function knocksHeard(): number {
  const { stdout } = tryTool([], 'nft', ['-j', 'list', 'chain', ...KNOCK.split(' ')]);
  return parseCounter(stdout);
}
