import { CompartError } from '../../shared/errors.js';
import type { Host } from '../../host/host.js';
import { readLinkCounters, type LinkCounters } from '../../host/network/counters.js';
import { forwardFrom } from '../../host/network/forwarding.js';
import { addressesOf, type Addresses } from '../../host/network/pool.js';
import {
  isShaper,
  parseQdiscs,
  shapeOf,
  shaperLines,
  unshapeLine,
  type Conditions,
  type QdiscReading,
} from '../../host/network/qdisc.js';
import {
  exchange,
  exchangeWhole,
  isTorn,
  MOST_TRIES,
  startExchange,
  type Exchange,
} from '../../host/network/exchange.js';
import type { Exchanger } from '../../host/network/exchanger.js';
import { addressRequests, LOOPBACK_UP, vethRequest } from '../../host/network/link-requests.js';
import type { Message, Request } from '../../host/network/netlink.js';
import { lookRequest, shaperRequests, shapersIn } from '../../host/network/qdisc-requests.js';
import { enterRouter, routerProc, type Router } from '../../host/network/router.js';
import { runStep, startSteps, type Step, type Steps } from '../../host/network/steps.js';
import { ipBatch, tryTool, type TcAnswer } from '../../host/network/tools.js';
import {
  gsoLine,
  INNER_LINK,
  innerLines,
  LARGE_MTU,
  linkOf,
  MTU,
  outerLines,
  packetsLine,
  type GsoLimits,
} from '../../host/network/veth.js';
import type { Shared } from './shared.js';

/** How a stack is held, in both directions. */
export interface Rates extends Conditions {
  /** Towards it, and from it; null for no limit. */
  rxLimitBps: number | null;
  txLimitBps: number | null;
}

/** What came of making one. */
export interface Made {
  addresses: Addresses;
  /** The largest packet of its link, as long as it stands. */
  mtu: number;
}

/** The shapers as the kernel has them, towards the stack and from it, null where there is none; and all that it said. */
export interface StackLook {
  rx: QdiscReading | null;
  tx: QdiscReading | null;
  messages: readonly Message[];
}

/** Its namespace is gone. @throws what says something else */
function nothingFor(error: unknown): StackLook {
  if (error instanceof CompartError && error.code === 'ERR_COMPART_KERNEL')
    return { rx: null, tx: null, messages: [] };
  throw error;
}

/** One network stack: a namespace, a pair of links, a shaper at each end. All of it follows from its number. */
export class Stack {
  readonly number: number;
  readonly router: Router;
  readonly #host: Host;

  constructor(host: Host, router: Router, number: number) {
    this.#host = host;
    this.router = router;
    this.number = number;
  }

  get link(): string {
    return linkOf(this.number);
  }

  /** The namespace is called as its link is. */
  get netns(): string {
    return linkOf(this.number);
  }

  /** Makes a namespace with its loopback, and no way out. */
  async makeIsland(): Promise<void> {
    await startExchange(enterRouter(this.router), this.#requests(true, [LOOPBACK_UP]));
  }

  /**
   * Makes the namespace and its links, held to the rates before the first packet.
   * @param exchanger of a process that stays
   * @throws ERR_COMPART_KERNEL
   */
  async make(shared: Shared, rates: Rates, exchanger: Exchanger | null = null): Promise<Made> {
    const made = this.#madeOf(shared, rates);
    const enter = enterRouter(this.router);
    const asked = this.#exchange(shared, rates, made);
    if (isPlain(rates)) this.#judge(rates, await (exchanger?.ask(asked) ?? startExchange(enter, asked)));
    else await startSteps(enter, this.#steps(shared, rates, made));
    this.#forward(shared);
    return made;
  }

  /** The same without the event loop. */
  makeNow(shared: Shared, rates: Rates): Made {
    const made = this.#madeOf(shared, rates);
    this.#judge(rates, exchange(enterRouter(this.router), this.#exchange(shared, rates, made)));
    this.#forward(shared);
    return made;
  }

  #madeOf({ pool }: Shared, rates: Rates): Made {
    return { addresses: addressesOf(pool, this.number), mtu: mtuFor(this.router, rates) };
  }

  /** All of it in one process; what holds packets back stands before the first can go. */
  #exchange({ forwarding }: Shared, rates: Rates, { addresses, mtu }: Made): Exchange {
    const gso: GsoLimits = { rx: gsoOf(rates.rxLimitBps), tx: gsoOf(rates.txLimitBps) };
    const patient = this.router.holder !== null;
    return this.#requests(true, [
      vethRequest(this.link, gso, mtu),
      ...shaperRequests(this.link, { rateBps: rates.rxLimitBps, patient, mtu }),
      ...shaperRequests(INNER_LINK, { rateBps: rates.txLimitBps, patient: false, mtu }),
      ...addressRequests(this.link, addresses, forwarding.routed6),
    ]);
  }

  #requests(make: boolean, requests: readonly Request[]): Exchange {
    const program = this.#host.paths.native('netlink');
    return { program, netns: this.netns, link: this.link, make, requests };
  }

  /** @throws ERR_COMPART_KERNEL if the shapers are not what was asked for */
  #judge({ rxLimitBps, txLimitBps }: Rates, messages: readonly Message[]): void {
    const { rx, tx } = shapersIn(messages, this.link);
    requireRate(this.link, rxLimitBps, rx?.rateBps ?? null);
    requireRate(INNER_LINK, txLimitBps, tx?.rateBps ?? null);
  }

  /** With ip(8) and tc(8), which know WAN conditions as well. */
  #steps({ forwarding }: Shared, rates: Rates, { addresses, mtu }: Made): Steps {
    const gso: GsoLimits = { rx: gsoOf(rates.rxLimitBps), tx: gsoOf(rates.txLimitBps) };
    const outer = outerLines(this.netns, this.link, addresses, gso, mtu);
    const inner = innerLines(addresses, gso, forwarding.routed6);
    const shaper = (end: 'rx' | 'tx'): Step[] => this.#shaper(end, rates, mtu);
    return {
      first: { tool: 'ip', netns: null, lines: outer },
      rows: [shaper('rx'), [{ tool: 'ip', netns: this.netns, lines: inner }, ...shaper('tx')]],
    };
  }

  #forward({ forwarding }: Shared): void {
    if (this.router.holder === null) forwardFrom(this.#host.paths.proc, this.link, forwarding.routed6);
  }

  /** Changes the rates while packets flow. */
  reshape(before: Rates, rates: Rates, { addresses, mtu }: Made): void {
    const packets = mtu === LARGE_MTU ? mtuFor(this.router, rates) : mtu;
    if (mtu === LARGE_MTU) ipBatch(enterRouter(this.router), this.netns, [packetsLine(addresses, packets)]);
    for (const end of ['rx', 'tx'] as const) {
      const [limit, former] =
        end === 'rx' ? [rates.rxLimitBps, before.rxLimitBps] : [rates.txLimitBps, before.txLimitBps];
      // Larger packets than a slower shaper takes must not be on their way to it, nor smaller ones to a faster.
      const line = gsoLine(end === 'rx' ? this.link : INNER_LINK, gsoOf(limit));
      const setGso = (): void => ipBatch(enterRouter(this.router), end === 'rx' ? null : this.netns, [line]);
      const slower = limit !== null && (former === null || limit < former);
      if (slower) setGso();
      for (const step of this.#shaper(end, rates, mtu, former, before))
        runStep(enterRouter(this.router), step);
      if (!slower && limit !== former) setGso();
    }
  }

  /** @param former what it was held to before, null for nothing */
  #shaper(
    end: 'rx' | 'tx',
    rates: Rates,
    mtu: number,
    former: number | null = null,
    before: Conditions = PLAIN,
  ): Step[] {
    const [link, netns, rateBps] =
      end === 'rx'
        ? ([this.link, null, rates.rxLimitBps] as const)
        : ([INNER_LINK, this.netns, rates.txLimitBps] as const);
    const unlimited = rateBps === null && isPlain(rates);
    if (unlimited && former === null && isPlain(before)) return [];
    const { delayUs, lossPercent } = rates;
    const patient = end === 'rx' && this.router.holder !== null;
    const stands = former !== null && isPlain(before);
    const lines = unlimited
      ? [unshapeLine(link)]
      : shaperLines(link, { rateBps, delayUs, lossPercent, patient, mtu, stands });
    if (unlimited) return [{ tool: 'tc', netns, lines }];
    return [{ tool: 'tc', netns, lines, check: (answer) => checkShaper(link, rateBps, rates, answer) }];
  }

  /**
   * What the kernel has of it.
   * @param more requests to be answered with it
   */
  look(more: readonly Request[] = []): StackLook {
    const enter = enterRouter(this.router);
    const asked = this.#lookRequests(more);
    try {
      return this.#lookIn(exchangeWhole(enter, asked));
    } catch (error) {
      return nothingFor(error);
    }
  }

  /** The same, by a process that stays. */
  async lookBy(exchanger: Exchanger, more: readonly Request[] = []): Promise<StackLook> {
    const asked = this.#lookRequests(more);
    for (let tries = 1; ; tries += 1) {
      try {
        const messages = await exchanger.ask(asked);
        if (!isTorn(messages) || tries === MOST_TRIES) return this.#lookIn(messages);
      } catch (error) {
        return nothingFor(error);
      }
    }
  }

  #lookRequests(more: readonly Request[]): Exchange {
    return this.#requests(false, [lookRequest(this.link), lookRequest(INNER_LINK), ...more]);
  }

  #lookIn(messages: readonly Message[]): StackLook {
    const { rx, tx } = shapersIn(messages, this.link);
    return {
      rx: rx !== null && isShaper(rx) ? rx : null,
      tx: tx !== null && isShaper(tx) ? tx : null,
      messages,
    };
  }

  /** What the router's end of the link has carried; null where it is gone. */
  counters(): LinkCounters | null {
    return readLinkCounters(routerProc(this.router, this.#host.paths.proc)).get(this.link) ?? null;
  }

  /**
   * Takes the namespace away, and with it its links: the kernel does that in its own time (an RCU grace period, some
   * 27 ms), which is not waited for. The number is not used again before.
   */
  unmake(): void {
    tryTool(enterRouter(this.router), 'ip', ['netns', 'del', this.netns]);
  }
}

const gsoOf = (rateBps: number | null): number | null =>
  rateBps === null ? null : shapeOf(rateBps).gsoBytes;

/** From here on a burst takes the largest packet there is. */
const LARGE_BPS = 3e8;
const isFast = (rateBps: number | null): boolean => rateBps === null || rateBps >= LARGE_BPS;

/** slirp4netns is held up by the number of packets, not by their size (docs/network.md). */
const mtuFor = ({ uplink }: Router, { rxLimitBps, txLimitBps }: Rates): number =>
  uplink === 'slirp4netns' && isFast(rxLimitBps) && isFast(txLimitBps) ? LARGE_MTU : MTU;

const PLAIN: Conditions = { delayUs: null, lossPercent: null };

const isPlain = ({ delayUs, lossPercent }: Conditions): boolean => delayUs === null && lossPercent === null;

/** @throws ERR_COMPART_KERNEL if what tc shows is not what was asked for */
function checkShaper(
  link: string,
  rateBps: number | null,
  conditions: Conditions,
  { stdout, complaint }: TcAnswer,
): void {
  const qdiscs = parseQdiscs(stdout);
  const root = qdiscs.find((qdisc) => qdisc.root);
  if ((rateBps === null || root?.rateBps === rateBps) && (isPlain(conditions) || qdiscs.some(isNetem)))
    return;
  if (complaint !== null) throw new CompartError('ERR_COMPART_KERNEL', complaint);
  requireRate(link, rateBps ?? 0, root?.rateBps ?? null);
}

function requireRate(link: string, askedBps: number | null, gotBps: number | null): void {
  if (askedBps === null || askedBps === gotBps) return;
  throw new CompartError(
    'ERR_COMPART_KERNEL',
    `${link}: the shaper holds ${gotBps ?? 'no'} bit/s where ${askedBps} were asked for`,
  );
}

const isNetem = ({ kind }: QdiscReading): boolean => kind === 'netem';
