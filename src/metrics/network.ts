import type { NetRecord } from '../compartments/net/record.js';
import { fromInside } from '../compartments/net/readings.js';
import { readInnerShaper, readOuterShapers } from '../compartments/net/shapers.js';
import { readLinkCounters, type LinkCounters } from '../host/network/counters.js';
import type { QdiscReading } from '../host/network/qdisc.js';
import { routerProc, type Router } from '../host/network/router.js';
import { linkOf } from '../host/network/veth.js';
import type { Host } from '../host/host.js';
import type { KernelReader } from '../host/kernfs.js';
import { isAlive } from '../host/proc/identity.js';
import { inTurns } from '../shared/turns.js';
import type { Pace } from '../shared/pace.js';
import type { Level } from './family.js';
import type { Meter } from './meter.js';
import type { Snapshot } from './snapshot.js';

/** Processes of tc(8) at once: each of the inner ends needs one, as they are in namespaces of their own. */
const AT_ONCE = 4;

/** What all stacks behind one router are read from at once. */
interface Outside {
  counters: Map<string, LinkCounters>;
  shapers: ReadonlyMap<string, QdiscReading>;
}

/** Reads the network stacks: one file a router, and at the level `full` one tc(8) a router and one a limited upload. */
export class NetworkCollector {
  readonly #host: Host;
  readonly #files: KernelReader;
  readonly #meter: Meter;

  constructor(host: Host, files: KernelReader, meter: Meter) {
    this.#host = host;
    this.#files = files;
    this.#meter = meter;
  }

  /** Fills in `net` of those that have a stack. */
  async read(snapshots: readonly Snapshot[], level: Level, pace: Pace): Promise<void> {
    const outsides = new Map<string, Outside>();
    const inner: Array<() => Promise<void>> = [];
    for (const snapshot of snapshots) {
      const record = snapshot.record.subsystems['net'] as NetRecord | undefined;
      if (record === undefined) continue;
      const { handles, limits } = record;
      const key = String(handles.router.holder?.pid ?? 'host');
      const outside = outsides.get(key) ?? (await this.#outside(handles.router, level));
      outsides.set(key, outside);
      const outer = outside.counters.get(linkOf(handles.number));
      snapshot.net = {
        stack: limits.stack,
        rxLimitBps: limits.rxLimitBps,
        txLimitBps: limits.txLimitBps,
        carried: handles.addresses === null || outer === undefined ? null : fromInside(outer, handles),
        rx: outside.shapers.get(linkOf(handles.number)) ?? null,
        tx: null,
        conntrackEntries: level === 'full' ? this.#conntrackOf(snapshot) : null,
      };
      if (level === 'full' && limits.txLimitBps !== null) inner.push(() => this.#readInner(snapshot, record));
      if (pace.isDue()) await pace.rest();
    }
    await inTurns(inner, AT_ONCE);
  }

  async #outside(router: Router, level: Level): Promise<Outside> {
    const counters = this.#meter.attempt('network', () =>
      readLinkCounters(routerProc(router, this.#host.paths.proc)),
    );
    const shapers = level === 'full' ? await this.#count(readOuterShapers(router)) : null;
    return { counters: counters ?? new Map<string, LinkCounters>(), shapers: shapers ?? new Map() };
  }

  async #readInner({ net }: Snapshot, { handles }: NetRecord): Promise<void> {
    if (net !== null) net.tx = await this.#count(readInnerShaper(handles.router, handles.number));
  }

  async #count<T>(work: Promise<T>): Promise<T | null> {
    try {
      return await work;
    } catch {
      this.#meter.fail('network');
      return null;
    }
  }

  /** The first number of the first line below the header is the whole namespace's, in hexadecimal. */
  #conntrackOf({ record: { main } }: Snapshot): number | null {
    const { proc } = this.#host.paths;
    if (main === null || !isAlive(proc, main)) return null;
    const read = (): string | null => this.#files.read(`${proc}/${main.pid}/net/stat/nf_conntrack`);
    const entries = /\n([0-9a-f]+) /.exec(this.#meter.attempt('network', read) ?? '')?.[1];
    return entries === undefined ? null : parseInt(entries, 16);
  }
}
