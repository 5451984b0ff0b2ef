import type { Pool } from './pool.js';
import { chainsOf, CHAINS, destinationLines, TABLE, type Guards, type StackRules } from './table.js';
import { linkOf } from './veth.js';

/**
 * Lines for nft(8) that fail where an element of a stack is gone, and print the table. Not its chains alone: nft 1.0
 * finds only the first of several. Pure.
 */
export function auditLines({ number, addresses, txLimitBps, allow }: StackRules): string[] {
  const link = linkOf(number);
  const elements = [
    `addresses4 { "${link}" . ${addresses.ipv4} }`,
    ...(addresses.ipv6 === null ? [] : [`addresses6 { "${link}" . ${addresses.ipv6} }`]),
    ...(txLimitBps === null ? [] : [`ceilings { "${link}" }`]),
    ...(allow === null ? [] : [`held { "${link}" }`]),
  ];
  return [...elements.map((element) => `get element ${TABLE} ${element}`), `list table ${TABLE}`];
}

/** How many rules stand in each chain that nft(8) printed. */
function countRules(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, chain = '', body = ''] of text.matchAll(/^\tchain (\S+) \{\n([^]*?)^\t\}$/gm))
    counts.set(chain, body.split('\n').filter((line) => /^\t\t(?!type .* hook )\S/.test(line)).length);
  return counts;
}

/**
 * The first chain that somebody emptied, or put something into: nft(8) words rules its own way, their number is what
 * can be told. Null where all are as they were made. Pure.
 * @param text what the lines of {@link auditLines} printed
 * @param guards what the table was made with, and may be made with now
 */
export function tamperedChain(
  text: string,
  pool: Pool,
  guards: readonly Guards[],
  { number, allow }: StackRules,
): string | null {
  const counts = countRules(text);
  const made = guards.map((each) => chainsOf(pool, each));
  const link = linkOf(number);
  // The first of its lines empties the chain.
  if (allow !== null && counts.get(link) !== destinationLines(number, allow).length - 1) return link;
  return CHAINS.find((chain) => made.every((rules) => counts.get(chain) !== rules[chain].length)) ?? null;
}
