import { addressBytes } from './link-requests.js';
import { FAMILY, list, NFGEN_BYTES, NFT, one } from './netfilter-requests.js';
import { decodeAttributes, textOf, type Message, type Request } from './netlink.js';
import type { Pool } from './pool.js';
import { chainsOf, CHAINS, destinationLines, TABLE, type Guards, type StackRules } from './table.js';
import { linkOf } from './veth.js';

const RULE = { table: 1, chain: 2 } as const;
const ELEMENTS = { table: 1, set: 2, elements: 3 } as const;
const [LIST_ELEMENT, KEY, VALUE] = [1, 1, 1];
/** The sequence of the first element that is asked for; those of links have lower ones. */
const FIRST = 100;

const NAME = TABLE.replace(/^inet /, '');

/** The elements of a stack, by set, as the kernel has their keys. */
function elementsOf({ number, addresses, txLimitBps, allow }: StackRules): Array<[set: string, key: Buffer]> {
  const link = Buffer.from(linkOf(number).padEnd(16, '\0'), 'latin1');
  const joined = (address: string): Buffer => Buffer.concat([link, addressBytes(address)]);
  return [
    ['addresses4', joined(addresses.ipv4)],
    ...(addresses.ipv6 === null ? [] : [['addresses6', joined(addresses.ipv6)] as [string, Buffer]]),
    ...(txLimitBps === null ? [] : [['ceilings', link] as [string, Buffer]]),
    ...(allow === null ? [] : [['held', link] as [string, Buffer]]),
  ];
}

/** Requests for the elements of a stack, each by itself, and for the rules of all chains that it meets. Pure. */
export function auditRequests(rules: StackRules): Request[] {
  const elements = elementsOf(rules).map(([set, key], index) =>
    one({
      what: `element of ${set}`,
      type: NFT.getElement,
      family: FAMILY.inet,
      sequence: FIRST + index,
      attributes: [
        [ELEMENTS.table, NAME],
        [ELEMENTS.set, set],
        [ELEMENTS.elements, [[LIST_ELEMENT, [[KEY, [[VALUE, key]]]]]]],
      ],
    }),
  );
  const chains = [...CHAINS, ...(rules.allow === null ? [] : [linkOf(rules.number)])].map((chain) =>
    list({
      what: `rules of ${chain}`,
      type: NFT.getRule,
      family: FAMILY.inet,
      attributes: [
        [RULE.table, NAME],
        [RULE.chain, chain],
      ],
    }),
  );
  return [...elements, ...chains];
}

/** Did the answers to {@link auditRequests} find all elements of a stack? Pure. */
export function hasElements(messages: readonly Message[], rules: StackRules): boolean {
  const found = new Set(
    messages.filter(({ type }) => type === NFT.newElement).map(({ sequence }) => sequence),
  );
  return elementsOf(rules).every((_element, index) => found.has(FIRST + index));
}

/** How many rules were found in each chain. */
function countRules(messages: readonly Message[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { type, body } of messages) {
    if (type !== NFT.newRule) continue;
    const chain = textOf(decodeAttributes(body.subarray(NFGEN_BYTES)).get(RULE.chain));
    counts.set(chain, (counts.get(chain) ?? 0) + 1);
  }
  return counts;
}

/**
 * The first chain that somebody emptied, or put something into: what a rule says the kernel tells in its own way, their
 * number is what can be told. Null where all are as they were made. Pure.
 * @param messages the answers to {@link auditRequests}
 * @param guards what the table was made with, and may be made with now
 */
export function tamperedChain(
  messages: readonly Message[],
  pool: Pool,
  guards: readonly Guards[],
  { number, allow }: StackRules,
): string | null {
  const counts = countRules(messages);
  const made = guards.map((each) => chainsOf(pool, each));
  const link = linkOf(number);
  // The first of its lines empties the chain.
  if (allow !== null && counts.get(link) !== destinationLines(number, allow).length - 1) return link;
  return CHAINS.find((chain) => made.every((rules) => counts.get(chain) !== rules[chain].length)) ?? null;
}
