import { fromInside } from '../../compartments/net/readings.js';
import type { NetRecord } from '../../compartments/net/record.js';
import { io } from '../../compartments/io/io.js';
import { stateFrom } from '../../compartments/inspect.js';
import { pids } from '../../compartments/pids/pids.js';
import { sched } from '../../compartments/sched/sched.js';
import { vm } from '../../compartments/vm/vm.js';
import { membershipOf } from '../../host/cgroup/membership.js';
import type { Host } from '../../host/host.js';
import { KernelReader } from '../../host/kernfs.js';
import { readLinkCounters, type LinkCounters } from '../../host/network/counters.js';
import { routerProc } from '../../host/network/router.js';
import { linkOf } from '../../host/network/veth.js';
import { Pace } from '../../shared/pace.js';
import type { CompartmentRecord } from '../../state/record.js';
import { Store } from '../../state/store.js';
import { Records } from '../records.js';
import { LiveMember } from './member.js';
import type { LiveKind, LiveStats, NetFlow } from './rates.js';
import { SparingReader } from './sparing.js';

/** How long keys wait at a stretch. */
const SLICE_MS = 5;
/** Those that nobody looks at are read whole once in so many passes. */
const TURNS = 10;
const ALL: readonly LiveKind[] = ['vm', 'sched', 'net', 'io', 'pids'];

/** What the next pass is for. */
export interface Interest {
  /** Read whole. */
  ids: ReadonlySet<string>;
  /** Read of all the others: what they are ordered by. */
  kinds: readonly LiveKind[];
}

/** All compartments of this user, for somebody who watches. It only reads: nothing is swept. */
export class LiveFleet {
  /** By id. */
  readonly members = new Map<string, LiveMember>();
  /** Names whose record cannot be read. */
  damaged: string[] = [];
  readonly #host: Host;
  readonly #store: Store;
  readonly #records: Records;
  readonly #reader = new SparingReader(new KernelReader());
  #links = new Map<string, Map<string, LinkCounters>>();
  #pass = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#store = new Store(host.paths.state);
    this.#records = new Records(this.#store);
  }

  /** Reads once. @param interest null for everything of all */
  async pass(interest: Interest | null): Promise<void> {
    const pace = new Pace(SLICE_MS);
    const present = new Set<string>();
    const damaged: string[] = [];
    this.#links = new Map();
    this.#pass += 1;
    const names = this.#records.names();
    if (names.length > 0) await this.#host.ready();
    for (const [index, name] of names.entries()) {
      if (pace.isDue()) await pace.rest();
      try {
        const record = this.#records.read(name);
        if (record === null) continue;
        const whole = interest === null || interest.ids.has(record.id) || (index + this.#pass) % TURNS === 0;
        if (this.#look(record, whole ? null : interest.kinds)) present.add(record.id);
      } catch {
        damaged.push(name);
      }
    }
    this.damaged = damaged;
    for (const [id, { record }] of this.members) {
      if (present.has(id)) continue;
      this.members.delete(id);
      this.#reader.forget(record.group);
    }
  }

  /** Somebody has changed it: what was kept of it is read anew. */
  touched(id: string): void {
    const member = this.members.get(id);
    if (member !== undefined) this.#reader.forget(member.record.group);
  }

  /** @returns false where its groups are gone */
  #look(record: CompartmentRecord, kinds: readonly LiveKind[] | null): boolean {
    const known = this.members.get(record.id);
    const member = known ?? new LiveMember(record);
    const now = performance.now();
    // Every change of a limit by compart is one of the record.
    if (member.record !== record) this.#reader.forget(record.group);
    member.record = record;
    if (known === undefined || kinds === null) {
      const membership = membershipOf(record.group, this.#reader.fileReader(record.group, now));
      if (membership === null) return false;
      member.state = stateFrom(record, membership);
    }
    this.members.set(record.id, member);
    const wanted = known === undefined || kinds === null ? ALL : kinds;
    if (wanted.length > 0) member.heard(this.#stats(record, wanted, now), now);
    return true;
  }

  #stats(record: CompartmentRecord, kinds: readonly LiveKind[], now: number): LiveStats {
    const read = this.#reader.of(record.group, now);
    const wants = (kind: LiveKind): boolean => kinds.includes(kind) && kind in record.subsystems;
    const host = this.#host;
    return {
      ...(wants('vm') && { vm: vm.statsBy(host, read) }),
      ...(wants('sched') && { sched: sched.statsBy(host, read) }),
      ...(wants('net') && { net: this.#flow(record.subsystems['net'] as NetRecord) }),
      ...(wants('io') && { io: io.statsBy(host, read) }),
      ...(wants('pids') && { pids: pids.statsBy(host, read) }),
    };
  }

  #flow({ limits, handles }: NetRecord): NetFlow {
    const { rxLimitBps, txLimitBps } = limits;
    const proc = routerProc(handles.router, this.#host.paths.proc);
    const links = this.#links.get(proc) ?? readLinkCounters(proc);
    this.#links.set(proc, links);
    const outer = handles.addresses === null ? undefined : links.get(linkOf(handles.number));
    const { rxBytes = null, txBytes = null } = outer === undefined ? {} : fromInside(outer, handles);
    return { rxBytes, txBytes, rxLimitBps, txLimitBps };
  }
}
