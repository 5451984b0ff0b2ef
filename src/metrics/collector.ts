import { lookForEscapes } from '../compartments/escape.js';
import type { Host } from '../host/host.js';
import { KernelReader } from '../host/kernfs.js';
import { Pace } from '../shared/pace.js';
import type { CompartmentRecord } from '../state/record.js';
import { readReport } from '../state/guest.js';
import { Store } from '../state/store.js';
import { Totals } from '../state/totals.js';
import { noUsage, usageOf, type Usage } from '../state/usage.js';
import type { Level } from './family.js';
import { GroupCollector } from './groups.js';
import { Meter } from './meter.js';
import { NetworkCollector } from './network.js';
import { Records } from './records.js';
import type { HostSnapshot, Snapshot } from './snapshot.js';

/** Above this many compartments the level is `core` unless another was asked for. */
export const MANY = 300;
/** How many compartments a scrape shows at most. */
const MOST = 5000;
/** How long the event loop waits at a stretch. */
const SLICE_MS = 6;

/**
 * Reads a host for one scrape after another. It only reads: what a crash left behind is shown, not swept. One file that
 * cannot be read never fails it.
 */
export class Collector {
  readonly #host: Host;
  readonly #store: Store;
  readonly #records: Records;
  readonly #totals: Totals;
  readonly #meter = new Meter();
  readonly #groups: GroupCollector;
  readonly #network: NetworkCollector;
  readonly #most: number;
  #dropped = 0;

  /** @param most compartments that a scrape shows; the first by name */
  constructor(host: Host, most = MOST) {
    this.#host = host;
    this.#most = most;
    this.#store = new Store(host.paths.state);
    this.#records = new Records(this.#store);
    this.#totals = new Totals(host.paths.state);
    const files = new KernelReader();
    this.#groups = new GroupCollector(host, files, this.#meter);
    this.#network = new NetworkCollector(host, files, this.#meter);
  }

  /** @param level null for `full` up to {@link MANY} compartments */
  async collect(level: Level | null): Promise<HostSnapshot & { level: Level }> {
    const pace = new Pace(SLICE_MS);
    this.#meter.begin();
    const records = await this.#meter.time('state', () => this.#readRecords(pace));
    const shown = level ?? (records.length > MANY ? 'core' : 'full');
    const compartments = await this.#meter.time('cgroup', () => this.#readGroups(records, shown, pace));
    if (shown === 'full') await this.#meter.time('cgroup', () => this.#lookForEscapes(compartments));
    await this.#meter.time('network', () => this.#network.read(compartments, shown, pace));
    await this.#meter.time('guest', () => this.#readGuests(compartments, pace));
    const totals = await this.#meter.time('state', () => this.#readTotals(records, compartments, pace));
    for (const snapshot of compartments) snapshot.reason = totals.reasons.get(snapshot.record.id) ?? null;
    return {
      level: shown,
      compartments: this.#limited(compartments),
      count: records.length,
      dropped: this.#dropped,
      hierarchy: this.#host.layout.mode,
      totals,
      collected: this.#meter.read(),
    };
  }

  async #readRecords(pace: Pace): Promise<CompartmentRecord[]> {
    const names = this.#meter.attempt('state', () => this.#records.names()) ?? [];
    const records: CompartmentRecord[] = [];
    for (const name of names) {
      const record = this.#meter.attempt('state', () => this.#records.read(name));
      if (record !== null) records.push(record);
      if (pace.isDue()) await pace.rest();
    }
    return records;
  }

  async #readGroups(records: readonly CompartmentRecord[], level: Level, pace: Pace): Promise<Snapshot[]> {
    const snapshots: Snapshot[] = [];
    for (const record of records) {
      const snapshot = this.#meter.attempt('cgroup', () => this.#groups.read(this.#store, record, level));
      if (snapshot !== null) snapshots.push(snapshot);
      if (pace.isDue()) await pace.rest();
    }
    return snapshots;
  }

  /** Reads all processes: of more compartments than a full scrape shows, nobody has the time for it. */
  async #lookForEscapes(snapshots: readonly Snapshot[]): Promise<void> {
    const all = snapshots.map(({ record }) => ({ host: this.#host, store: this.#store, record }));
    try {
      const escapes = await lookForEscapes(this.#host, all);
      for (const snapshot of snapshots) snapshot.escaped = escapes.get(snapshot.record.id)?.length ?? 0;
    } catch {
      this.#meter.fail('cgroup');
    }
  }

  async #readGuests(snapshots: readonly Snapshot[], pace: Pace): Promise<void> {
    for (const snapshot of snapshots) {
      if (snapshot.record.kind !== 'guest') continue;
      const folder = this.#store.folder(snapshot.record.name);
      snapshot.guest = this.#meter.attempt('guest', () => readReport(folder));
      if (pace.isDue()) await pace.rest();
    }
  }

  /** After all that lives was read: what ends meanwhile has left its file by then. */
  async #readTotals(records: readonly CompartmentRecord[], snapshots: readonly Snapshot[], pace: Pace) {
    const live = new Map<string, Usage>(records.map(({ id }) => [id, noUsage()]));
    for (const { record, vm, sched, io, net, guest } of snapshots)
      live.set(record.id, usageOf({ vm, sched, io, net: net?.carried }, guest?.readyUs));
    return this.#totals.read(live, pace);
  }

  #limited(snapshots: Snapshot[]): Snapshot[] {
    this.#dropped += Math.max(0, snapshots.length - this.#most);
    return snapshots.slice(0, this.#most);
  }
}
