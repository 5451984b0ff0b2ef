import { CompartError, usageError } from '../../shared/errors.js';
import { Flight } from '../../shared/flight.js';
import type { Host } from '../../host/host.js';
import { allEnded } from '../../host/network/steps.js';
import { addressesOf } from '../../host/network/pool.js';
import { selfIdentity } from '../../host/proc/identity.js';
import type { Lease, Lessee } from '../../state/leases.js';
import { makeId } from '../names.js';
import type { Ahead, Ground, Loaded } from '../subsystem.js';
import { Exchangers } from './exchangers.js';
import { UNLIMITED, type NetAsked, type NetLimits } from './limits.js';
import { resolverNow } from './names.js';
import { Network } from './network.js';
import { answerNames, nameServerOf, openStack, recordFor, type Standing } from './opening.js';
import { publishedOf } from './published.js';
import { faultOf, lookBy, statsOf } from './readings.js';
import type { NetRecord, NetStats } from './record.js';
import { releaseStacks } from './release.js';
import type { Shared } from './shared.js';
import { Stack } from './stack.js';

/** Each is a namespace and a pair of links that nothing goes through, a third of a megabyte of the kernel's memory. */
export const MOST_STACKS = 100;
/** No compartment is called so: the lease is its pool's, and nobody's once the process that keeps it is gone. */
const NAME = 'waiting stack';
/** What is made together is in the table by one process of nft(8). */
const AT_ONCE = 20;
/** After the command that took one has begun, and perhaps ended. */
const REFILL_MS = 50;

/** A stack that is whole and nobody's yet. */
interface WaitingStack extends Standing {
  id: string;
  /** The name server on the host's loopback that is asked for it, or null. */
  stub: string | null;
}

const HELD = ['rxLimitBps', 'txLimitBps', 'delayUs', 'lossPercent'] as const;

/** @throws ERR_COMPART_USAGE naming what a stack cannot have before its command is known */
function refuse({ stack, publish = [], allow }: NetAsked): void {
  if (stack !== 'own')
    throw usageError(
      `--net: ${stack ?? 'host'}: not of stacks that wait: there is nothing to prepare`,
      'as in --net 10mbit, or --net max',
    );
  if (publish.length > 0)
    throw usageError(
      '--publish: not of stacks that wait: a port leads to one of them',
      'give it to the command, which may take one of them all the same',
    );
  if (allow !== undefined)
    throw usageError(
      '--allow: not of stacks that wait: what it names is looked up for each command',
      'such a command has its stack made when it starts',
    );
}

/**
 * Stacks with one pair of rates that were made ahead, for commands to come; as many as were asked for, refilled. Each is
 * leased to the process that keeps them, so that `gc` takes it away when that is gone, and passes to the compartment
 * that takes it with its lease.
 */
export class StackPool implements Ahead {
  readonly size: number;
  readonly #host: Host;
  readonly #limits: NetLimits;
  readonly #exchangers: Exchangers;
  readonly #waiting: WaitingStack[] = [];
  /** Somebody took a part of them away. */
  readonly #broken: WaitingStack[] = [];
  readonly #filling = new Flight();
  #refill: NodeJS.Timeout | null = null;
  #open = true;

  /**
   * @param host of the process that keeps them
   * @throws ERR_COMPART_USAGE
   */
  constructor(host: Host, asked: NetAsked, size: number) {
    if (size > 0) refuse(asked);
    this.#host = host;
    this.#limits = { ...UNLIMITED, ...asked };
    this.#exchangers = new Exchangers(host);
    this.size = size;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Makes what is missing. @throws as a stack that is made for a command; none of those that failed is left */
  fill(): Promise<void> {
    return this.#filling.run(() => this.#fill());
  }

  async #fill(): Promise<void> {
    this.#release(this.#broken.splice(0));
    while (this.#open && this.waiting < this.size)
      await this.#make(Math.min(AT_ONCE, this.size - this.waiting));
  }

  async #make(count: number): Promise<void> {
    const network = this.#network;
    const ids = Array.from({ length: count }, makeId);
    try {
      for (const id of ids) await network.enter(this.#lessee(id));
      const shared = network.shared();
      const leases = network.leases.all().filter(({ id }) => ids.includes(id));
      if (shared === null || leases.length < count)
        throw new CompartError('ERR_COMPART_STATE', 'the network went away while stacks were made');
      const stacks = await this.#madeOf(network, shared, leases);
      for (const stack of stacks) await this.#answer(network, stack);
      if (this.#open) this.#waiting.push(...stacks);
      else this.#release(stacks);
    } catch (error) {
      this.#releaseOf(ids);
      throw error;
    }
  }

  /** Nothing of it goes on when this has failed. */
  async #madeOf(network: Network, shared: Shared, leases: readonly Lease[]): Promise<WaitingStack[]> {
    const { router, pool } = shared;
    // Who takes one meanwhile does not wait until these are made.
    const maker = this.#exchangers.apart(router);
    const makings = leases.map(async ({ id, number }): Promise<WaitingStack> => {
      const made = await new Stack(this.#host, router, number).make(shared, this.#limits, maker);
      return { id, number, router, ...made, stub: null };
    });
    const rules = leases.map(({ number }) => ({
      number,
      addresses: addressesOf(pool, number),
      txLimitBps: this.#limits.txLimitBps,
      allow: null,
      peers: [],
    }));
    await allEnded([...makings, network.addRules(rules, shared)]).finally(() => maker.close());
    return Promise.all(makings);
  }

  /** Has its name server answered for. */
  async #answer(network: Network, stack: WaitingStack): Promise<void> {
    stack.stub = resolverNow(nameServerOf(stack)).stub;
    if (stack.stub === null) return;
    answerNames(this.#host, network, stack, stack.stub);
    // Each takes some milliseconds, in which nobody else has his turn.
    await new Promise((resolve) => setImmediate(resolve));
  }

  async take(host: Host, ground: Ground, asked: NetAsked): Promise<NetRecord | null> {
    if (this.waiting === 0 || !this.#suits(ground, asked)) return null;
    const one = await this.#next();
    this.#refillSoon();
    if (one === null) return null;
    const network = this.#network;
    const record = this.#recordOf(one, asked);
    const { state, name, id } = ground;
    network.leases.pass(one.number, { state, name, id, claimer: selfIdentity(host.paths.proc) });
    openStack(host, network, ground, record, [], true);
    return record;
  }

  /** With what the link has carried until now, as the kernel does on a link that is there. */
  #recordOf(one: WaitingStack, asked: NetAsked): NetRecord {
    const before = new Stack(this.#host, one.router, one.number).counters();
    const record = recordFor(this.#network, one, { ...this.#limits, published: publishedOf([], asked) });
    return before === null ? record : { ...record, handles: { ...record.handles, before } };
  }

  #suits({ project }: Ground, asked: NetAsked): boolean {
    const limits = { ...UNLIMITED, ...asked };
    if (project !== null || limits.stack !== 'own' || limits.allow !== null) return false;
    return HELD.every((key) => limits[key] === this.#limits[key]);
  }

  /** The first that is whole still; where one is not, none of the others is given to anybody. */
  async #next(): Promise<WaitingStack | null> {
    const one = this.#waiting.shift() ?? null;
    if (one === null || (await this.#isWhole(one))) return one;
    this.#broken.push(one, ...this.#waiting.splice(0));
    if (!this.#open) this.#release(this.#broken.splice(0));
    return null;
  }

  async #isWhole(one: WaitingStack): Promise<boolean> {
    const network = this.#network;
    if (network.leases.of(one.id)?.number !== one.number) return false;
    if (resolverNow(nameServerOf(one)).stub !== one.stub) return false;
    const exchanger = this.#exchangers.of(one.router);
    const record = recordFor(network, one, this.#limits);
    try {
      const seen = await lookBy(exchanger, this.#host, record, { table: true });
      return faultOf(this.#host, record, seen) === null;
    } catch {
      return false;
    }
  }

  async stats(host: Host, loaded: Loaded): Promise<NetStats | null> {
    const record = loaded.record as NetRecord;
    const exchanger = this.#open ? this.#exchangers.forReading(record.handles.router) : null;
    return exchanger === null ? null : statsOf(record, await lookBy(exchanger, host, record));
  }

  /** Takes all of them away, and waits for those that are being made. */
  async close(): Promise<void> {
    this.#open = false;
    if (this.#refill !== null) clearTimeout(this.#refill);
    await this.#filling.landed();
    this.#release([...this.#waiting.splice(0), ...this.#broken.splice(0)]);
    this.#exchangers.close();
  }

  /** What goes wrong shows when nobody waits: commands have theirs made as ever. */
  #refillSoon(): void {
    if (!this.#open || this.#refill !== null) return;
    this.#refill = setTimeout(() => {
      this.#refill = null;
      this.fill().catch(() => undefined);
    }, REFILL_MS);
  }

  get #network(): Network {
    return new Network(this.#host, 'world');
  }

  #lessee(id: string): Lessee {
    const { state, proc } = this.#host.paths;
    return { state, name: NAME, id, claimer: selfIdentity(proc) };
  }

  #release(stacks: readonly WaitingStack[]): void {
    if (stacks.length > 0) this.#releaseOf(stacks.map(({ id }) => id));
  }

  /** By their leases: a number may be somebody else's by now. */
  #releaseOf(ids: readonly string[]): void {
    const network = this.#network;
    const leases = network.leases.all().filter(({ id }) => ids.includes(id));
    releaseStacks(
      this.#host,
      network,
      leases.map(({ number }) => number),
    );
  }
}
