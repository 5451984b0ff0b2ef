import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { CompartError } from '../../shared/errors.js';
import type { Host } from '../../host/host.js';
import { readKernelFile } from '../../host/kernfs.js';
import {
  forwardingHere,
  guardsNow,
  switchOff,
  switchOn,
  type Forwarding,
} from '../../host/network/forwarding.js';
import { othersWhoForward } from '../../host/network/firewall.js';
import { choosePool, FIRST_NUMBER, LAST_NUMBER, type Pool } from '../../host/network/pool.js';
import { enterRouter, routerProc, type Router } from '../../host/network/router.js';
import { leavingLines, NO_TABLE, stackLines, tableLines, type StackRules } from '../../host/network/table.js';
import { nftBatch, tryNft, tryTool } from '../../host/network/tools.js';
import { isLink, linkOf } from '../../host/network/veth.js';
import { readLinkCounters, type LinkCounters } from '../../host/network/counters.js';
import { isAlive } from '../../host/proc/identity.js';
import { readJson, writeJson } from '../../state/json.js';
import { Leases, type Lease, type Lessee } from '../../state/leases.js';
import { alone, busy, type Pass } from './alone.js';
import { handsOn, wayAround } from './passage.js';
import { Rulebook } from './rulebook.js';
import { ownRouter, startRouter, type OwnRouter } from './uplink.js';

/** What all stacks of one network share; written before it is made, so that it can be taken back after a crash. */
export interface Shared {
  router: Router;
  pool: Pool;
  forwarding: Forwarding;
  /** Does the host hand their packets on? Untried where others have a say in it and nobody has asked them yet. */
  passage: 'open' | 'untried' | 'barred';
}

/** `world`: stacks with a link; `island`: those with loopback only, which need nothing of the host. */
export type NetworkKind = 'world' | 'island';

const FOLDERS = ['leases', 'rules', 'relays'] as const;
const RETRY_MS = 20;
/** How long those who are in a barred stack may stay. */
const PATIENCE_MS = 10_000;
/** Loaded where it is needed, which is behind a firewall: Node takes a while for it. */
const waited = async (): Promise<void> => (await import('node:timers/promises')).setTimeout(RETRY_MS);
const NOTHING: Forwarding = { sysctls: [], guards: { links4: [], all6: false }, routed6: false };

/** The stacks of one network namespace: who has which number, and what they share. */
export class Network {
  readonly kind: NetworkKind;
  readonly folder: string;
  readonly leases: Leases;
  readonly #rules: Rulebook;
  readonly #host: Host;

  constructor(host: Host, kind: NetworkKind) {
    this.#host = host;
    this.kind = kind;
    this.folder = `${host.paths.network}/${kind}`;
    this.leases = new Leases(`${this.folder}/leases`);
    this.#rules = new Rulebook(`${this.folder}/rules`);
  }

  /** The folder of the relays of one stack. */
  relaysOf(number: number): string {
    return `${this.folder}/relays/${number}`;
  }

  /** What is shared, null where there is no stack yet or its router is dead. */
  shared(): Shared | null {
    const shared = readJson(`${this.folder}/shared.json`) as Shared | null;
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
      if (number !== null) this.leave(number);
      own = wayAround(this.#host);
      // Until all have left the barred one who are in it.
      if (Date.now() - started > PATIENCE_MS) throw busy(this.folder);
    }
  }

  /** @returns null where the host was found to bar the way of those who are in it */
  async #enterBy(own: OwnRouter | null, lessee: Lessee): Promise<number | null> {
    const prepared = this.shared() === null && own !== null ? await startRouter(this.#host, own) : null;
    try {
      return this.#alone(() => {
        const shared = this.shared() ?? this.#setUp(prepared?.router ?? null);
        if (prepared !== null && shared.router.holder?.pid === prepared.router.holder?.pid) prepared.keep();
        return shared.passage === 'barred' ? null : this.#lease(lessee, shared);
      });
    } finally {
      prepared?.leave();
    }
  }

  /** Do its packets get out? Tried once for all, by a stack of its own; nobody else tries or enters meanwhile. */
  #isOpen(lessee: Lessee): boolean {
    const tried = this.#alone(() => {
      const shared = this.shared();
      if (shared?.passage !== 'untried') return { open: shared?.passage !== 'barred', number: null };
      const number = this.#lease({ ...lessee, id: `${lessee.id}-knock` }, shared);
      const open = handsOn(this.#host, shared, number, (rules) => this.#addRules(rules, shared));
      writeJson(`${this.folder}/shared.json`, { ...shared, passage: open ? 'open' : 'barred' });
      return { open, number };
    });
    if (tried.number !== null) this.leave(tried.number);
    return tried.open;
  }

  #setUp(router: Router | null): Shared {
    const proc = this.#host.paths.proc;
    const world = this.kind === 'world';
    const pool = choosePool(
      readKernelFile(`${proc}/net/route`) ?? '',
      readKernelFile(`${proc}/net/if_inet6`) === null ? null : readKernelFile(`${proc}/net/ipv6_route`),
    );
    const chosen: Router = router ?? { holder: null, ownUsers: false, uplink: world ? 'forward' : null };
    // A router of compart's own forwards already, and IPv4 only.
    const forwarding = world && chosen.holder === null ? forwardingHere(proc) : NOTHING;
    const others = world && chosen.holder === null && othersWhoForward(proc).length > 0;
    const shared: Shared = { router: chosen, pool, forwarding, passage: others ? 'untried' : 'open' };
    writeJson(`${this.folder}/shared.json`, shared);
    switchOn(proc, forwarding);
    return shared;
  }

  #lease(lessee: Lessee, { router }: Shared): number {
    const links = this.#links(router);
    const number = this.leases.take(lessee, FIRST_NUMBER, LAST_NUMBER, (each) => !links.has(linkOf(each)));
    if (number !== null) return number;
    throw new CompartError('ERR_COMPART_UNSUPPORTED', `all ${LAST_NUMBER - 1} network stacks are in use`, {
      hint: 'compart ps lists the compartments that have one',
    });
  }

  #links(router: Router): Map<string, LinkCounters> {
    return readLinkCounters(routerProc(router, this.#host.paths.proc));
  }

  /** Notes and adds the rules of a stack; a table that somebody took away is made anew, with all stacks in it. */
  addRules(rules: StackRules, shared: Shared): void {
    this.#alone(() => this.#addRules(rules, shared));
  }

  #addRules(rules: StackRules, shared: Shared): void {
    this.#rules.add(rules);
    const fresh = this.leases.all().length === 1;
    if (!fresh && tryNft(enterRouter(shared.router), stackLines(rules)).status === 0) return;
    this.repair(shared);
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
   * Gives a number back, with its rules; with the last of them goes what all shared. May be repeated. The table is
   * changed in the background where that can be.
   */
  leave(number: number): void {
    this.#alone((pass) => {
      const shared = this.shared();
      const rules = this.rulesOf(number);
      const last = this.leases.all().every((lease) => lease.number === number);
      if (last) this.#close(shared, number, pass);
      else if (shared !== null && rules !== null) this.#withdraw(shared, rules, pass);
      else this.#forget(number);
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

  /** Is anything of it left: stacks, or what a crash left of setting it up? */
  closeIfEmpty(): void {
    if (!this.leases.isEmpty() || readJson(`${this.folder}/shared.json`) === null) return;
    this.#alone((pass) => {
      if (this.leases.isEmpty()) this.#close(this.shared(), null, pass);
    });
  }

  #withdraw(shared: Shared, rules: StackRules, pass: Pass): void {
    this.#rules.leavePeers(rules);
    const lines = leavingLines(shared.pool, guardsNow(this.#host.paths.proc, shared.forwarding), rules);
    if (pass(shared.router, lines, this.#pathsOf(rules.number))) return;
    tryNft(enterRouter(shared.router), lines);
    this.#forget(rules.number);
  }

  #close(shared: Shared | null, number: number | null, pass: Pass): void {
    const file = `${this.folder}/shared.json`;
    const known = shared ?? (readJson(file) as Shared | null);
    if (known !== null) switchOff(this.#host.paths.proc, known.forwarding);
    const paths = [...(number === null ? [] : this.#pathsOf(number)), file];
    const holder = shared?.router.holder ?? null;
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
    else if (shared !== null && this.kind === 'world') {
      const folders = FOLDERS.map((name) => `${this.folder}/${name}`);
      if (pass(shared.router, NO_TABLE, [...paths, ...folders])) return;
      tryNft([], NO_TABLE);
    }
    for (const path of paths) rmSync(path, { force: true });
  }

  /** What says that a number is somebody's; the lease last. */
  #pathsOf(number: number): string[] {
    return [this.#rules.pathOf(number), this.leases.pathOf(number)];
  }

  #forget(number: number): void {
    for (const path of this.#pathsOf(number)) rmSync(path, { force: true });
  }

  /** @throws ERR_COMPART_BUSY */
  #alone<T>(work: (pass: Pass) => T): T {
    return alone(this.#host, this.folder, work);
  }

  /** Takes the empty folders away. */
  tidy(): void {
    const folders = [
      ...FOLDERS.map((name) => `${this.folder}/${name}`),
      this.folder,
      this.#host.paths.network,
    ];
    for (const path of folders) {
      try {
        if (readdirSync(path).length === 0) rmdirSync(path);
      } catch {
        // Not there, or in use again.
      }
    }
  }
}
