import { existsSync, rmSync } from 'node:fs';
import { CompartError } from '../../shared/errors.js';
import type { Host } from '../../host/host.js';
import { guardsNow, switchOff } from '../../host/network/forwarding.js';
import { LAST_NUMBER } from '../../host/network/pool.js';
import { enterRouter, routerProc, type Router } from '../../host/network/router.js';
import { leavingLines, NO_TABLE, stackLines, tableLines, type StackRules } from '../../host/network/table.js';
import { nftBatch, tryNft, tryTool } from '../../host/network/tools.js';
import { isLink, linkOf } from '../../host/network/veth.js';
import { readLinkCounters, type LinkCounters } from '../../host/network/counters.js';
import { isAlive } from '../../host/proc/identity.js';
import { readJson, removeTorn, writeJson } from '../../state/json.js';
import { Leases, type Lease, type Lessee } from '../../state/leases.js';
import { alone, aloneUnless, busy, soonAlone, type Pass } from './alone.js';
import { emptyFolder, removeEmpty } from './folders.js';
import { LOCK } from './later.js';
import { handsOn, wayAround } from './passage.js';
import { Rulebook } from './rulebook.js';
import { NUMBERS, setUpShared, type NetworkKind, type Shared } from './shared.js';
import { ownRouter, startRouter, type OwnRouter } from './uplink.js';
import { Waiting } from './waiting.js';

const SHARED_FILE = 'shared.json';
const FOLDERS = ['leases', 'rules', 'relays', 'adding', 'leaving'] as const;
const RETRY_MS = 20;
const PATIENCE_MS = 10_000;
const waited = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, RETRY_MS));

/** The stacks of one network namespace: who has which number, and what they share. */
export class Network {
  readonly kind: NetworkKind;
  readonly folder: string;
  readonly leases: Leases;
  readonly #sharedFile: string;
  readonly #rules: Rulebook;
  /** Whose rules are noted and not in force yet, and who is to be taken away. */
  readonly #adding: Waiting;
  readonly #leaving: Waiting;
  readonly #host: Host;

  constructor(host: Host, kind: NetworkKind) {
    this.#host = host;
    this.kind = kind;
    this.folder = `${host.paths.network}/${kind}`;
    this.#sharedFile = `${this.folder}/${SHARED_FILE}`;
    this.leases = new Leases(`${this.folder}/leases`);
    this.#rules = new Rulebook(`${this.folder}/rules`);
    this.#adding = new Waiting(`${this.folder}/adding`);
    this.#leaving = new Waiting(`${this.folder}/leaving`);
  }

  /** The folder of the relays of one stack. */
  relaysOf(number: number): string {
    return `${this.folder}/relays/${number}`;
  }

  /** What is shared, null where there is no stack yet or its router is dead. */
  shared(): Shared | null {
    const shared = readJson(this.#sharedFile) as Shared | null;
    if (shared === null) return null;
    const { holder } = shared.router;
    return holder !== null && !isAlive(this.#host.paths.proc, holder) ? null : shared;
  }

  /**
   * Takes a number; the first stack sets up what all share, by a way that packets really go.
   * @throws ERR_COMPART_UNSUPPORTED where this host has no way to it, or no number is left
   */
  async enter(lessee: Lessee): Promise<void> {
    let own = ownRouter(this.#host, this.kind);
    for (const started = Date.now(); ; await waited()) {
      const number = await this.#enterBy(own, lessee);
      if (number !== null && this.#isOpen(lessee)) return;
      if (number !== null) this.leave([number]);
      own ??= wayAround(this.#host);
      // Until all have left the barred one who are in it, for so long as they may stay.
      if (Date.now() - started > PATIENCE_MS) throw busy(this.folder);
    }
  }

  /** @returns null to be tried again: the host bars the way of those who are in it, or they have just left */
  async #enterBy(own: OwnRouter | null, lessee: Lessee): Promise<number | null> {
    const prepared = this.shared() === null && own !== null ? await startRouter(this.#host, own) : null;
    try {
      return this.#alone(() => {
        // What was there when it was looked for went away meanwhile: with a router of its own then.
        if (own !== null && prepared === null && this.shared() === null) return null;
        const shared =
          this.shared() ?? setUpShared(this.#host, this.kind, this.#sharedFile, prepared?.router ?? null);
        if (prepared !== null && shared.router.holder?.pid === prepared.router.holder?.pid) prepared.keep();
        return shared.passage === 'barred' ? null : this.#lease(lessee, shared);
      });
    } finally {
      prepared?.leave();
    }
  }

  /** Do its packets get out? Tried once for all, by a stack of its own; nobody else tries or enters meanwhile. */
  #isOpen(lessee: Lessee): boolean {
    if (this.shared()?.passage === 'open') return true;
    const tried = this.#alone(() => {
      const shared = this.shared();
      if (shared?.passage !== 'untried') return { open: shared?.passage !== 'barred', number: null };
      const number = this.#lease({ ...lessee, id: `${lessee.id}-knock` }, shared);
      const open = handsOn(this.#host, shared, number, (rules) => this.#addRules(rules, shared));
      writeJson(this.#sharedFile, { ...shared, passage: open ? 'open' : 'barred' });
      return { open, number };
    });
    if (tried.number !== null) this.leave([tried.number]);
    return tried.open;
  }

  #lease(lessee: Lessee, { router }: Shared): number {
    const links = this.#links(router);
    const number = this.leases.take(lessee, ...NUMBERS[this.kind], (each) => !links.has(linkOf(each)));
    if (number !== null) {
      // What a crash left of an earlier use of it.
      for (const waiting of [this.#adding, this.#leaving]) waiting.done([number]);
      return number;
    }
    throw new CompartError('ERR_COMPART_UNSUPPORTED', `all ${LAST_NUMBER - 1} network stacks are in use`, {
      hint: 'compart ps lists the compartments that have one',
    });
  }

  #links(router: Router): Map<string, LinkCounters> {
    return readLinkCounters(routerProc(router, this.#host.paths.proc));
  }

  /**
   * Notes and adds the rules of stacks, with those of all others that wait for it; a table that somebody took away is
   * made anew, with all stacks in it.
   */
  async addRules(all: readonly StackRules[], shared: Shared): Promise<void> {
    for (const rules of all) {
      if (rules.peers.length > 0) this.#alone(() => this.#rules.add(rules));
      else this.#rules.note(rules);
      this.#adding.add(rules.number);
    }
    const isDone = (): boolean => !all.some(({ number }) => this.#adding.has(number));
    await soonAlone(this.#host, this.folder, isDone, () => {
      const numbers = this.#adding.some();
      this.#bringIn(numbers, shared);
      this.#adding.done(numbers);
    });
  }

  #addRules(rules: StackRules, shared: Shared): void {
    this.#rules.add(rules);
    this.#bringIn([rules.number], shared);
  }

  #bringIn(numbers: readonly number[], shared: Shared): void {
    const lines = numbers.flatMap((number) => this.rulesOf(number) ?? []).flatMap(stackLines);
    if (!this.#areAll(numbers) && tryNft(enterRouter(shared.router), lines).status === 0) return;
    this.repair(shared);
  }

  #areAll(numbers: readonly number[]): boolean {
    return this.leases.all().every(({ number }) => numbers.includes(number));
  }

  /** Changes the rules of a stack in one transaction, by these lines. */
  changeRules(rules: StackRules, lines: readonly string[], shared: Shared): void {
    this.#alone(() => {
      this.#rules.note(rules);
      nftBatch(enterRouter(shared.router), lines);
    });
  }

  /** Makes the table and puts every stack into it; what is there already stays. @throws ERR_COMPART_KERNEL */
  repair(shared: Shared): void {
    const guards = guardsNow(this.#host.paths.proc, shared.forwarding);
    const all = this.leases.all().flatMap(({ number }) => this.rulesOf(number) ?? []);
    nftBatch(enterRouter(shared.router), [...tableLines(shared.pool, guards), ...all.flatMap(stackLines)]);
  }

  /** The rules of a stack, or null where it has none. */
  rulesOf(number: number): StackRules | null {
    return this.#rules.of(number);
  }

  /**
   * Gives numbers back, with their rules and, of the host's own, their namespaces; with the last of them goes what all
   * shared. May be repeated. All that are to go when its turn comes go together, in the background where that can be.
   */
  leave(all: readonly number[]): void {
    for (const number of all) this.#leaving.add(number);
    const isDone = (): boolean => !all.some((number) => this.#leaving.has(number));
    aloneUnless(this.#host, this.folder, isDone, (pass) => {
      const numbers = this.#leaving.some();
      const shared = this.shared();
      if (this.#areAll(numbers)) this.#close(shared, numbers, pass);
      else if (shared !== null && this.kind === 'world') this.#withdraw(shared, numbers, pass);
      else this.#forget(numbers);
      return all.every((number) => numbers.includes(number));
    });
  }

  /**
   * Numbers whose compartment has no record any more, and nobody who could be about to write it. Looked for once more
   * alone: one that is just given back in the background is not abandoned.
   */
  abandoned(hasRecord: (lease: Lease) => boolean): Lease[] {
    const alive = ({ claimer }: Lease): boolean => isAlive(this.#host.paths.proc, claimer);
    const found = (): Lease[] => this.leases.all().filter((lease) => !hasRecord(lease) && !alive(lease));
    return found().length === 0 ? [] : this.#alone(found);
  }

  /** Takes away links that outlived their stack: a process elsewhere holds a socket of it. Nobody leases meanwhile. */
  dropStrayLinks(): void {
    if (this.kind !== 'world') return;
    const router = this.shared()?.router ?? { holder: null, ownUsers: false, uplink: null };
    if (router.holder === null && this.#host.uid !== 0) return;
    const stray = (): string[] => {
      const leased = new Set(this.leases.all().map(({ number }) => linkOf(number)));
      return [...this.#links(router).keys()].filter((link) => isLink(link) && !leased.has(link));
    };
    if (stray().length === 0) return;
    this.#alone(() => {
      for (const link of stray()) tryTool(enterRouter(router), 'ip', ['link', 'del', link]);
    });
  }

  /** Takes away what a crash left of setting it up, or of its end: without a stack there is nothing to keep. */
  closeIfEmpty(): void {
    if (!this.leases.isEmpty() || !existsSync(this.folder)) return;
    this.#alone((pass) => {
      if (!this.leases.isEmpty()) return;
      emptyFolder(this.folder, [LOCK, SHARED_FILE]);
      if (readJson(this.#sharedFile) !== null) this.#close(this.shared(), [], pass);
    });
  }

  #withdraw(shared: Shared, numbers: readonly number[], pass: Pass): void {
    const leaving = numbers.flatMap((number) => {
      const rules = this.rulesOf(number);
      if (rules !== null) this.#rules.leavePeers(rules);
      return rules ?? [];
    });
    const lines = leavingLines(shared.pool, guardsNow(this.#host.paths.proc, shared.forwarding), leaving);
    const paths = numbers.flatMap((number) => this.#pathsOf(number));
    const netns = shared.router.holder === null ? numbers.map(linkOf) : [];
    if (pass(shared.router, { netns, lines, paths })) return;
    this.#unmake(netns);
    tryNft(enterRouter(shared.router), lines);
    this.#forget(numbers);
  }

  #close(shared: Shared | null, numbers: readonly number[], pass: Pass): void {
    const known = shared ?? (readJson(this.#sharedFile) as Shared | null);
    if (known !== null) switchOff(this.#host.paths.proc, known.forwarding);
    const paths = [...numbers.flatMap((number) => this.#pathsOf(number)), this.#sharedFile];
    const holder = shared?.router.holder ?? null;
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
    else if (shared !== null && this.kind === 'world') {
      const folders = FOLDERS.map((name) => `${this.folder}/${name}`);
      const netns = numbers.map(linkOf);
      if (pass(shared.router, { netns, lines: NO_TABLE, paths: [...paths, ...folders] })) return;
      this.#unmake(netns);
      tryNft([], NO_TABLE);
    }
    for (const path of paths) rmSync(path, { force: true });
  }

  #unmake(netns: readonly string[]): void {
    for (const name of netns) tryTool([], 'ip', ['netns', 'del', name]);
  }

  /** What says that a number is somebody's; the lease last. */
  #pathsOf(number: number): string[] {
    return [
      this.#rules.pathOf(number),
      this.#adding.pathOf(number),
      this.#leaving.pathOf(number),
      this.leases.pathOf(number),
    ];
  }

  #forget(numbers: readonly number[]): void {
    for (const path of numbers.flatMap((number) => this.#pathsOf(number))) rmSync(path, { force: true });
  }

  /** @throws ERR_COMPART_BUSY */
  #alone<T>(work: (pass: Pass) => T): T {
    return alone(this.#host, this.folder, work);
  }

  /** Takes away what those who died while they noted something left half written. */
  dropTorn(): void {
    for (const folder of [this.folder, this.#rules.folder, this.leases.folder])
      removeTorn(folder, this.#host.paths.proc);
  }

  /** Takes the empty folders away. */
  tidy(): void {
    removeEmpty([...FOLDERS.map((name) => `${this.folder}/${name}`), this.folder, this.#host.paths.network]);
  }
}
