import {
  decodeAttributes,
  FLAGS,
  textOf,
  u32,
  type Attribute,
  type Message,
  type Request,
} from './netlink.js';
import { measuresOf, PATIENT_BYTES, type QdiscReading, type ShaperRequest } from './qdisc.js';
import { URGENT, URGENT_BYTES } from './urgent.js';
import { INNER_LINK } from './veth.js';

/** Of linux/rtnetlink.h. */
const [NEW_QDISC, GET_QDISC, NEW_CLASS, NEW_FILTER] = [36, 38, 40, 44];
const TCA = { kind: 1, options: 2, stats2: 7 } as const;
const STATS = { basic: 1, queue: 3 } as const;
const TBF = { parms: 1, rate64: 4, burst: 6 } as const;
const HTB = { parms: 1, init: 2, rate64: 6, ceil64: 7 } as const;
const BPF = { classId: 3, length: 4, program: 5 } as const;
const FQ_CODEL = { target: 1, interval: 3, memoryLimit: 9 } as const;

const ROOT = 0xffffffff;
/** Handles: the shaper, what is below it, the queues of htb, a fair queue. */
const [SHAPER, BELOW, SORTER, FIRST, SECOND, FIRST_QUEUE, SECOND_QUEUE, FAIR] = [
  0x1_0000, 0x1_0001, 0x10_0000, 0x10_0001, 0x10_0002, 0x11_0000, 0x12_0000, 0x30_0000,
] as const;
/** Priority 1, every protocol (ETH_P_ALL, as it goes over the wire). */
const FILTER_INFO = 0x0001_0300;

/** TC_LINKLAYER_ETHERNET: the kernel reckons by itself, and wants no table. */
const ETHERNET = 1;
const LARGEST = 0xffff_ffff;

/** struct tc_ratespec. */
function rateSpec(bytesPerSecond: number): Buffer {
  const spec = Buffer.alloc(12);
  spec.writeUInt8(ETHERNET, 1);
  spec.writeUInt32LE(Math.min(bytesPerSecond, LARGEST), 8);
  return spec;
}

const rate64 = (type: number, bytesPerSecond: number): Attribute[] =>
  bytesPerSecond >= LARGEST ? [[type, BigInt(bytesPerSecond)]] : [];

interface Place {
  inner: boolean;
  link: string;
}

/** struct tcmsg, then the kind and its options. */
function request(
  { inner, link }: Place,
  kind: string,
  [type, parent, handle]: readonly [type: number, parent: number, handle: number],
  options: Buffer | readonly Attribute[],
  more: { flags?: number; info?: number; mayFail?: boolean } = {},
): Request {
  const { flags = FLAGS.create | FLAGS.replace, info = 0, mayFail = false } = more;
  return {
    what: `${kind} of ${link}`,
    inner,
    mayFail,
    type,
    flags,
    body: u32(0, 0, handle, parent, info),
    indexAt: 4,
    attributes: [
      [TCA.kind, kind],
      [TCA.options, options],
    ],
  };
}

/** tc-tbf(8). */
function tbf(place: Place, rateBps: number, burstBytes: number, limitBytes: number): Request {
  const rate = Math.floor(rateBps / 8);
  const parms = Buffer.concat([rateSpec(rate), rateSpec(0), u32(limitBytes, 0, 0)]);
  return request(
    place,
    'tbf',
    [NEW_QDISC, ROOT, SHAPER],
    [[TBF.parms, parms], [TBF.burst, burstBytes], ...rate64(TBF.rate64, rate)],
  );
}

/** No class of htb is ever held by its own rate: that is done above it. */
const NO_RATE = 125_000_000_000;
/** A MiB at that rate, in ticks of 64 ns. */
const NO_RATE_TICKS = 131;
const QUANTUM = 200_000;

const htbClass = (place: Place, handle: number, priority: number): Request =>
  request(
    place,
    'htb',
    [NEW_CLASS, SORTER, handle],
    [
      [
        HTB.parms,
        Buffer.concat([
          rateSpec(NO_RATE),
          rateSpec(NO_RATE),
          u32(NO_RATE_TICKS, NO_RATE_TICKS, QUANTUM, 0, priority),
        ]),
      ],
      ...rate64(HTB.rate64, NO_RATE),
      ...rate64(HTB.ceil64, NO_RATE),
    ],
  );

const bfifo = (place: Place, parent: number, handle: number, bytes: number): Request =>
  request(place, 'bfifo', [NEW_QDISC, parent, handle], u32(bytes));

/** struct sock_filter, one after the other. */
const programBytes = (): Buffer =>
  Buffer.concat(
    URGENT.map(([code, yes, no, operand]) => {
      const step = Buffer.alloc(8);
      step.writeUInt16LE(code, 0);
      step.writeUInt8(yes, 2);
      step.writeUInt8(no, 3);
      step.writeUInt32LE(operand, 4);
      return step;
    }),
  );

const length16 = (length: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(length);
  return bytes;
};

/** What {@link urgentFirst} says in lines; a kernel that lacks any of it has a plain queue, or a fair one. */
const sorter = (place: Place, bytes: number): Request[] =>
  [
    request(place, 'htb', [NEW_QDISC, BELOW, SORTER], [[HTB.init, u32(3, 10, 2, 0, 0)]]),
    htbClass(place, FIRST, 0),
    htbClass(place, SECOND, 1),
    bfifo(place, FIRST, FIRST_QUEUE, URGENT_BYTES),
    bfifo(place, SECOND, SECOND_QUEUE, bytes),
    request(
      place,
      'bpf',
      [NEW_FILTER, SORTER, 1],
      [
        [BPF.classId, FIRST],
        [BPF.length, length16(URGENT.length)],
        [BPF.program, programBytes()],
      ],
      { flags: FLAGS.create, info: FILTER_INFO },
    ),
  ].map((each) => ({ ...each, mayFail: true }));

const SECOND_US = 1_000_000;
const fair = (place: Place, patient: boolean): Request =>
  request(
    place,
    'fq_codel',
    [NEW_QDISC, BELOW, FAIR],
    patient
      ? [
          [FQ_CODEL.target, SECOND_US],
          [FQ_CODEL.interval, 10 * SECOND_US],
          [FQ_CODEL.memoryLimit, PATIENT_BYTES],
        ]
      : [],
    { mayFail: true },
  );

/** The shaper of {@link shaperLines} for a new link without WAN conditions, and a look at it; none for no limit. Pure. */
export function shaperRequests(
  link: string,
  asked: Pick<ShaperRequest, 'rateBps' | 'patient' | 'mtu'>,
): Request[] {
  const { rateBps, patient, mtu } = asked;
  if (rateBps === null) return [];
  const place = { inner: link === INNER_LINK, link };
  const { burstBytes, queueBytes } = measuresOf(rateBps, patient, mtu);
  return [
    tbf(place, rateBps, burstBytes, queueBytes),
    ...sorter(place, queueBytes),
    fair(place, patient),
    lookRequest(link),
  ];
}

/** The request for what is at the root of a link; the answer has sequence 1 for the inner link, else 2. Pure. */
export function lookRequest(link: string): Request {
  const inner = link === INNER_LINK;
  return {
    what: `shaper of ${link}`,
    inner,
    mayFail: true,
    type: GET_QDISC,
    // What it finds it tells whoever listens for changes, and with this flag the asker too.
    flags: FLAGS.echo,
    sequence: inner ? INNER_SEQUENCE : OUTER_SEQUENCE,
    body: u32(0, 0, 0, ROOT, 0),
    indexAt: 4,
    attributes: [],
  };
}

const [INNER_SEQUENCE, OUTER_SEQUENCE] = [1, 2];

/** The shapers that answers to {@link lookRequest} tell of: towards the stack, and from it; null for none. Pure. */
export function shapersIn(
  messages: readonly Message[],
  link: string,
): { rx: QdiscReading | null; tx: QdiscReading | null } {
  const find = (wanted: number, name: string): QdiscReading | null => {
    const found = messages.find(({ type, sequence }) => type === NEW_QDISC && sequence === wanted);
    return found === undefined ? null : readingOf(found, name);
  };
  return { rx: find(OUTER_SEQUENCE, link), tx: find(INNER_SEQUENCE, INNER_LINK) };
}

const TCMSG_BYTES = 20;

function readingOf({ body }: Message, link: string): QdiscReading {
  const attributes = decodeAttributes(body.subarray(TCMSG_BYTES));
  const kind = textOf(attributes.get(TCA.kind));
  const stats = decodeAttributes(attributes.get(TCA.stats2) ?? Buffer.alloc(0));
  const basic = stats.get(STATS.basic);
  const queue = stats.get(STATS.queue);
  const inQueue = (index: number): number => queue?.readUInt32LE(index * 4) ?? 0;
  return {
    kind,
    link,
    root: true,
    rateBps: kind === 'tbf' ? rateOf(decodeAttributes(attributes.get(TCA.options) ?? Buffer.alloc(0))) : null,
    bytes: Number(basic?.readBigUInt64LE(0) ?? 0n),
    backlogPackets: inQueue(0),
    backlogBytes: inQueue(1),
    drops: inQueue(2),
    overlimits: inQueue(4),
  };
}

function rateOf(options: ReadonlyMap<number, Buffer>): number | null {
  const large = options.get(TBF.rate64)?.readBigUInt64LE(0);
  const bytesPerSecond = large ?? options.get(TBF.parms)?.readUInt32LE(8);
  return bytesPerSecond === undefined ? null : Number(bytesPerSecond) * 8;
}
