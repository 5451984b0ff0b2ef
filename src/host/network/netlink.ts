/**
 * Messages of rtnetlink(7) as native/netlink.c takes them and prints them. Numbers are little-endian, as on every
 * machine that Node is built for and compart is.
 */

/** What a request may hold: numbers of 32 bits, text with its NUL, bytes as they are, or attributes in it. */
export type Payload = number | bigint | string | Buffer | readonly Attribute[];
export type Attribute = readonly [type: number, payload: Payload];

const ALIGN = 4;
const padded = (length: number): number => Math.ceil(length / ALIGN) * ALIGN;

/** NLA_F_NESTED. */
const NESTED = 0x8000;

function bytesOf(payload: Payload): Buffer {
  if (typeof payload === 'string') return Buffer.from(`${payload}\0`);
  if (typeof payload === 'number') return u32(payload);
  if (typeof payload === 'bigint') {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(payload);
    return bytes;
  }
  return Buffer.isBuffer(payload) ? payload : encodeAttributes(payload);
}

/** Numbers of 32 bits, one after the other. */
export function u32(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32LE(number >>> 0, index * 4);
  return bytes;
}

/** Attributes in a row, each padded to four bytes (struct rtattr). Pure. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(
    attributes.map(([type, payload]) => {
      const body = bytesOf(payload);
      const bytes = Buffer.alloc(padded(4 + body.length));
      bytes.writeUInt16LE(4 + body.length, 0);
      bytes.writeUInt16LE(Array.isArray(payload) ? type | NESTED : type, 2);
      body.copy(bytes, 4);
      return bytes;
    }),
  );
}

/** Reads attributes in a row, by type; of two of a type the last. Pure. */
export function decodeAttributes(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += padded(length);
  }
  return found;
}

/** The text of an attribute, without its NUL; of none the empty one. Pure. */
export const textOf = (bytes: Buffer | undefined): string =>
  bytes?.toString('latin1').replace(/\0$/, '') ?? '';

/** How a request is sent (linux/netlink.h). */
export const FLAGS = { create: 0x400, exclusive: 0x200, replace: 0x100, dump: 0x300, echo: 8 } as const;
/** NLM_F_DUMP_INTR: what was listed changed meanwhile. */
const TORN = 0x10;

/** One request, in the caller's network namespace or in that of a stack. */
export interface Request {
  /** In words for who reads that it was refused. */
  what: string;
  inner: boolean;
  /** Of netfilter instead, in the caller's namespace. */
  netfilter?: boolean;
  /** A refusal is an answer too. */
  mayFail?: boolean;
  type: number;
  flags: number;
  /** Named in what the kernel answers. */
  sequence?: number;
  /** The fixed part after the header. */
  body: Buffer;
  /** Where in it the index of the link goes, null for nowhere. */
  indexAt: number | null;
  attributes: readonly Attribute[];
}

const HEADER_BYTES = 16;
const RECORD_BYTES = 8;

/** The record of a request for native/netlink.c. Pure. */
export function encodeRequest(request: Request): Buffer {
  const {
    inner,
    netfilter = false,
    mayFail = false,
    type,
    flags,
    sequence = 0,
    body,
    indexAt,
    attributes,
  } = request;
  const rest = Buffer.concat([body, encodeAttributes(attributes)]);
  const head = Buffer.alloc(RECORD_BYTES + HEADER_BYTES);
  head.writeUInt32LE(head.length + rest.length, 0);
  head.writeUInt8(netfilter ? 2 : inner ? 1 : 0, 4);
  head.writeUInt8(mayFail ? 1 : 0, 5);
  head.writeUInt16LE(indexAt === null ? 0 : HEADER_BYTES + indexAt, 6);
  head.writeUInt32LE(HEADER_BYTES + rest.length, 8);
  head.writeUInt16LE(type, 12);
  head.writeUInt16LE(flags, 14);
  head.writeUInt32LE(sequence, 16);
  return Buffer.concat([head, rest]);
}

/** What ends the records. */
export const LAST_RECORD: Buffer = Buffer.alloc(RECORD_BYTES);

/** A message of the kernel. */
export interface Message {
  type: number;
  /** Is it of a list that was changed while it was told? */
  torn: boolean;
  /** Of the request that it answers. */
  sequence: number;
  /** What follows its header. */
  body: Buffer;
}

/** The messages that native/netlink.c printed. Pure. */
export function decodeMessages(text: string): Message[] {
  return text
    .split('\n')
    .filter((line) => line.length >= HEADER_BYTES * 2)
    .map((line) => {
      const bytes = Buffer.from(line, 'hex');
      return {
        type: bytes.readUInt16LE(4),
        torn: (bytes.readUInt16LE(6) & TORN) !== 0,
        sequence: bytes.readUInt32LE(8),
        body: bytes.subarray(HEADER_BYTES),
      };
    });
}
