/**
 * What goes before the rest in a shaper's queue: ARP, ICMP, small datagrams, and TCP segments without data that neither
 * end nor reset a connection. Nothing of one connection's data overtakes another part of it, and the answers of a
 * download do not wait behind the upload.
 */

/** One instruction of classic BPF (linux/filter.h): code, jumps by label, operand. */
type Step = readonly [code: number, yes: string | null, no: string | null, operand: number];

const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
/** At X plus the operand. */
const LOAD_BYTE_AT = 0x50;
/** X = four times the low half of the byte. */
const LOAD_LENGTH = 0xb1;
const IF_EQUAL = 0x15;
const IF_EQUAL_X = 0x1d;
const IF_ABOVE = 0x25;
const IF_BITS = 0x45;
const AND = 0x54;
const RIGHT = 0x74;
const ADD_X = 0x0c;
const TO_X = 0x07;
const RETURN = 0x06;

/** SKF_NET_OFF: loads count from the network header, whatever the link puts before it. */
const NET = 0xfff00000;
/** SKF_AD_OFF + SKF_AD_PROTOCOL. */
const ETHERTYPE = 0xfffff000;
const [IPV4, IPV6] = [0x0800, 0x86dd];
const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;
/** Of IP, headers included: a name server's question and most answers, a game's or a call's datagram. */
const SMALL_BYTES = 255;
const IPV6_HEADER = 40;
const FIN_OR_RST = 0x05;

/** Where TCP keeps the length of its header, and its flags. */
const [DATA_OFFSET, FLAGS] = [12, 13];

/** TCP with X or `base` at its header: is the whole of `lengthAt` headers? */
const bareTcp = (load: number, base: number, add: readonly Step[], lengthAt: number): Step[] => [
  [load, null, null, base + FLAGS],
  [IF_BITS, 'plain', null, FIN_OR_RST],
  [load, null, null, base + DATA_OFFSET],
  [AND, null, null, 0xf0],
  [RIGHT, null, null, 2],
  ...add,
  [TO_X, null, null, 0],
  [LOAD_HALF, null, null, lengthAt],
  [IF_EQUAL_X, 'urgent', 'plain', 0],
];

const BLOCKS: Readonly<Record<string, readonly Step[]>> = {
  start: [
    [LOAD_HALF, null, null, ETHERTYPE],
    [IF_EQUAL, 'six', null, IPV6],
    [IF_EQUAL, null, 'urgent', IPV4],
    [LOAD_HALF, null, null, NET + 2],
    [IF_ABOVE, 'plain', null, SMALL_BYTES],
    [LOAD_BYTE, null, null, NET + 9],
    [IF_EQUAL, 'urgent', null, PROTOCOLS.icmp],
    [IF_EQUAL, 'urgent', null, PROTOCOLS.udp],
    [IF_EQUAL, null, 'plain', PROTOCOLS.tcp],
    [LOAD_LENGTH, null, null, NET],
    ...bareTcp(LOAD_BYTE_AT, NET, [[ADD_X, null, null, 0]], NET + 2),
  ],
  six: [
    [LOAD_HALF, null, null, NET + 4],
    [IF_ABOVE, 'plain', null, SMALL_BYTES - IPV6_HEADER],
    [LOAD_BYTE, null, null, NET + 6],
    [IF_EQUAL, 'urgent', null, PROTOCOLS.icmp6],
    [IF_EQUAL, 'urgent', null, PROTOCOLS.udp],
    [IF_EQUAL, null, 'plain', PROTOCOLS.tcp],
    ...bareTcp(LOAD_BYTE, NET + IPV6_HEADER, [], NET + 4),
  ],
  urgent: [[RETURN, null, null, 0xffffffff]],
  plain: [[RETURN, null, null, 0]],
};

/** One instruction as the kernel has it: how many to leave out instead of jumps to labels. */
export type Instruction = readonly [code: number, yes: number, no: number, operand: number];

/** The program that says what is urgent: all of it, or none (struct sock_filter). */
export const URGENT: readonly Instruction[] = instructions();

function instructions(): Instruction[] {
  const steps = Object.values(BLOCKS).flat();
  const at: Record<string, number> = {};
  let next = 0;
  for (const [label, block] of Object.entries(BLOCKS)) {
    at[label] = next;
    next += block.length;
  }
  const jump = (label: string | null, from: number): number =>
    label === null ? 0 : (at[label] ?? 0) - from - 1;
  return steps.map(([code, yes, no, operand], index) => [code, jump(yes, index), jump(no, index), operand]);
}

/** The program as tc-bpf(8) reads it: its length, then `code yes no operand` each. */
const bytecode = (): string => [URGENT.length, ...URGENT.map((each) => each.join(' '))].join(',');

/** No class of htb is ever held by its own rate: that is done above it. */
const NO_RATE = 'rate 1tbit burst 1mb cburst 1mb quantum 200000';
export const URGENT_BYTES = 262_144;

/**
 * Lines for tc(8) that put two queues below `parent`, of which the second waits for the first: tc-htb(8) does the work
 * of tc-prio(8), which fewer kernels have. Pure.
 * @param bytes what the second queue holds
 */
export const urgentFirst = (link: string, parent: string, bytes: number): string[] => [
  `qdisc replace dev ${link} parent ${parent} handle 10: htb default 2`,
  `class replace dev ${link} parent 10: classid 10:1 htb ${NO_RATE} prio 0`,
  `class replace dev ${link} parent 10: classid 10:2 htb ${NO_RATE} prio 1`,
  `qdisc replace dev ${link} parent 10:1 handle 11: bfifo limit ${URGENT_BYTES}`,
  plainQueue(link, bytes),
  `filter replace dev ${link} parent 10: pref 1 handle 1 protocol all bpf bytecode "${bytecode()}" classid 10:1`,
];

/** The line that changes what the second holds. */
export const plainQueue = (link: string, bytes: number): string =>
  `qdisc replace dev ${link} parent 10:2 handle 12: bfifo limit ${bytes}`;
