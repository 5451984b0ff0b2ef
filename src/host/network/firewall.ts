import { readKernelFile } from '../kernfs.js';
import { parseCounter, TABLE } from './table.js';
import { tryTool } from './tools.js';

/** What `nft -j list chains` says of one, as far as it is read. */
interface ChainJson {
  family: string;
  table: string;
  name: string;
  hook?: string;
}

/** Chains of others through which forwarded packets go, as `FAMILY TABLE CHAIN`. Pure. */
export function forwardChains(text: string): string[] {
  const { nftables } = JSON.parse(text) as { nftables: Array<{ chain?: ChainJson }> };
  return nftables
    .flatMap(({ chain }) => chain ?? [])
    .filter(({ family, hook }) => hook === 'forward' && ['ip', 'inet'].includes(family))
    .filter(({ family, table }) => `${family} ${table}` !== TABLE)
    .map(({ family, table, name }) => `${family} ${table} ${name}`);
}

/**
 * Who else has a say in what this host forwards: chains of nftables, and the older tables of iptables-legacy(8), which
 * nft(8) does not see.
 */
export function othersWhoForward(proc: string): string[] {
  const { status, stdout } = tryTool([], 'nft', ['-j', 'list', 'chains']);
  const legacy = (readKernelFile(`${proc}/net/ip_tables_names`) ?? '').split('\n').includes('filter');
  return [...(status === 0 ? forwardChains(stdout) : []), ...(legacy ? ['iptables-legacy FORWARD'] : [])];
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
