import { type Attribute, FLAGS, type Request } from './netlink.js';

/** Of linux/netfilter/nfnetlink.h. */
const NFTABLES = 10 << 8;
/** Messages of linux/netfilter/nf_tables.h. */
export const NFT = {
  newChain: NFTABLES | 3,
  getChain: NFTABLES | 4,
  newRule: NFTABLES | 6,
  getRule: NFTABLES | 7,
  newElement: NFTABLES | 12,
  getElement: NFTABLES | 13,
} as const;
/** Families of nftables (linux/netfilter.h). */
export const FAMILY = { any: 0, inet: 1, ip: 2 } as const;
/** struct nfgenmsg: the family, and three bytes of no meaning here. */
export const NFGEN_BYTES = 4;

interface Asked {
  what: string;
  type: number;
  family: number;
  attributes: readonly Attribute[];
  sequence?: number;
}

/** A request about tables in the caller's namespace. What is not there is an answer too. Pure. */
const request = (flags: number, { family, ...asked }: Asked): Request => ({
  ...asked,
  inner: false,
  netfilter: true,
  mayFail: true,
  flags,
  body: Buffer.of(family, 0, 0, 0),
  indexAt: null,
});

/** Asks for one thing by its name. */
export const one = (asked: Asked): Request => request(0, asked);
/** Asks for all that fits. */
export const list = (asked: Asked): Request => request(FLAGS.dump, asked);
