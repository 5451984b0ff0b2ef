import { CompartError } from '../../shared/errors.js';
import { plainQueue, urgentFirst } from './urgent.js';

/** How a link is held to a rate: the numbers of tc-tbf(8), and the largest packet that segmentation may build. */
export interface Shape {
  burstBytes: number;
  gsoBytes: number;
}

/** Longest that a packet waits in the shaper's queue. */
const LATENCY_SECONDS = 0.05;
/**
 * What a shaper holds behind slirp4netns or pasta instead: their TCP does not slow down where packets are lost, it
 * sends what the window lets it, and stands still for seconds after a loss.
 */
export const PATIENT_BYTES = 1_572_864;
/** Below the MTU nothing would pass; three full packets keep a slow link busy between two ticks. */
const LEAST_BURST_BYTES = 5000;
const BURST_SECONDS = 0.005;
/** A packet of more than the burst is dropped, and a large one holds up the next: 2 ms at the rate. */
const GSO_SECONDS = 0.002;
const LEAST_GSO_BYTES = 3000;
export const GSO_MAX_BYTES = 65_536;

const bytesIn = (rateBps: number, seconds: number): number => Math.ceil((rateBps / 8) * seconds);

/** The shape that holds TCP and UDP to within 2% of the rate at 1 Mbit/s to 1 Gbit/s (docs/network.md). Pure. */
export function shapeOf(rateBps: number): Shape {
  const gsoBytes = Math.min(GSO_MAX_BYTES, Math.max(LEAST_GSO_BYTES, bytesIn(rateBps, GSO_SECONDS)));
  const burstBytes = Math.max(LEAST_BURST_BYTES, bytesIn(rateBps, BURST_SECONDS));
  return { burstBytes, gsoBytes };
}

/**
 * What a shaper lets pass at once, and what waits in it, headers included. Pure.
 * @param patient does a process in user space send what comes to it?
 * @param mtu the largest packet that comes to it
 */
export function measuresOf(
  rateBps: number,
  patient: boolean,
  mtu: number,
): { burstBytes: number; queueBytes: number; isHeld: boolean } {
  const burstBytes = Math.max(shapeOf(rateBps).burstBytes, mtu + LINK_HEADER_BYTES);
  const waiting = bytesIn(rateBps, LATENCY_SECONDS);
  const isHeld = patient && waiting < PATIENT_BYTES;
  return { burstBytes, queueBytes: isHeld ? PATIENT_BYTES : waiting + burstBytes, isHeld };
}

/** WAN conditions of one direction; null where nothing was asked. */
export interface Conditions {
  delayUs: number | null;
  /** Of 100 packets. */
  lossPercent: number | null;
}

const LINK_HEADER_BYTES = 14;
const ROOT = '1:';
/** Handles of what stands below: another kind of queue cannot have the handle of the one that it takes the place of. */
const CONDITIONS = '20:';
const FAIR = '30:';

/** What a link is to be held to, and what the other end of its queue is. */
export interface ShaperRequest extends Conditions {
  /** Null for no limit. */
  rateBps: number | null;
  /** Does a process in user space send what comes to it? */
  patient: boolean;
  /** The largest packet that comes to it. */
  mtu: number;
  /** Is there a shaper of {@link shaperLines} already, with queues below it that may stay? */
  stands: boolean;
}

const netemOf = ({ delayUs, lossPercent }: Conditions): string =>
  [
    'netem',
    ...(delayUs === null ? [] : ['delay', `${delayUs}us`]),
    ...(lossPercent === null ? [] : ['loss', `${lossPercent}%`]),
    // Enough for a second of full packets at 10 Gbit/s: what waits for its delay must not be lost to the queue.
    ...['limit', '1000000'],
  ].join(' ');

/**
 * Keeps one greedy connection from holding up the others (tc-fq_codel(8)). What user space sends is not dropped early:
 * it would stand still.
 */
const fairQueue = (patient: boolean): string =>
  patient ? `fq_codel target 1s interval 10s memory_limit ${PATIENT_BYTES}b` : 'fq_codel';

/**
 * Lines for `tc -batch` that put a shaper on a link, replacing what is there, and show it (tc-tbf(8),
 * tc-netem(8)). The fair queue below it fails where the kernel has none: what is urgent goes first then. Pure.
 */
export function shaperLines(link: string, request: ShaperRequest): string[] {
  const { rateBps, delayUs, lossPercent, patient, mtu, stands } = request;
  const asked = delayUs !== null || lossPercent !== null;
  const show = `qdisc show dev ${link}`;
  if (rateBps === null)
    return [...(asked ? [`qdisc replace dev ${link} root handle ${ROOT} ${netemOf(request)}`] : []), show];
  const { burstBytes, queueBytes: bytes, isHeld } = measuresOf(rateBps, patient, mtu);
  const queue = isHeld ? `limit ${bytes}b` : `latency ${LATENCY_SECONDS * 1000}ms`;
  const below = `qdisc replace dev ${link} parent ${ROOT}1 handle`;
  return [
    `qdisc replace dev ${link} root handle ${ROOT} tbf rate ${rateBps}bit burst ${burstBytes}b ${queue}`,
    ...(asked
      ? [`${below} ${CONDITIONS} ${netemOf(request)}`]
      : stands
        ? [plainQueue(link, bytes)]
        : [...urgentFirst(link, `${ROOT}1`, bytes), `${below} ${FAIR} ${fairQueue(patient)}`]),
    show,
  ];
}

/** Takes the shaper of a link away: the kernel gives it back the queue it was born with. */
export const unshapeLine = (link: string): string => `qdisc del dev ${link} root`;

/** What `tc -j qdisc show` says of one queue, as far as it is read. */
interface QdiscJson {
  kind: string;
  dev?: string;
  root?: boolean;
  options?: { rate?: number };
  bytes?: number;
  drops?: number;
  overlimits?: number;
  backlog?: number;
  qlen?: number;
}

/** The queue of one link as the kernel has it. */
export interface QdiscReading {
  kind: string;
  /** The link that it is on. */
  link: string;
  root: boolean;
  rateBps: number | null;
  /** Handed on, headers of every segment included: what the shaper goes by. */
  bytes: number;
  drops: number;
  /** Times it held a packet back. */
  overlimits: number;
  backlogBytes: number;
  backlogPackets: number;
}

/** Reads what `tc -s -j qdisc show` printed: one JSON array a command. Pure. @throws ERR_COMPART_KERNEL */
export function parseQdiscs(text: string): QdiscReading[] {
  try {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .flatMap((line) => JSON.parse(line) as QdiscJson[])
      .map((qdisc) => ({
        kind: qdisc.kind,
        link: qdisc.dev ?? '',
        root: qdisc.root === true,
        rateBps: qdisc.kind === 'tbf' && qdisc.options?.rate !== undefined ? qdisc.options.rate * 8 : null,
        bytes: qdisc.bytes ?? 0,
        drops: qdisc.drops ?? 0,
        overlimits: qdisc.overlimits ?? 0,
        backlogBytes: qdisc.backlog ?? 0,
        backlogPackets: qdisc.qlen ?? 0,
      }));
  } catch (error) {
    throw new CompartError('ERR_COMPART_KERNEL', `tc printed what cannot be read: ${text.slice(0, 200)}`, {
      cause: error,
    });
  }
}

/** A queue that holds packets on purpose: tc shows those that every link is born with as well. */
export const isShaper = ({ root, kind }: QdiscReading): boolean => root && kind !== 'noqueue';
