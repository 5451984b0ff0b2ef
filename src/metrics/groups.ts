import { io } from '../compartments/io/io.js';
import { stateFrom } from '../compartments/inspect.js';
import { pids } from '../compartments/pids/pids.js';
import { sched } from '../compartments/sched/sched.js';
import { vm } from '../compartments/vm/vm.js';
import type { ReadGroup } from '../host/cgroup/driver.js';
import { groupReader, type Group } from '../host/cgroup/group.js';
import { membershipOf, type Membership } from '../host/cgroup/membership.js';
import type { Host } from '../host/host.js';
import { readingOnce, type KernelReader } from '../host/kernfs.js';
import { readEscapes } from '../state/escapes.js';
import type { CompartmentRecord } from '../state/record.js';
import type { Store } from '../state/store.js';
import type { Level } from './family.js';
import type { Meter } from './meter.js';
import type { Snapshot, State } from './snapshot.js';

/** Files that only metrics of the level `full` are read from. */
const FULL_ONLY = new Set([
  'memory.kmem.usage_in_bytes',
  'memory.soft_limit_in_bytes',
  'memory.memsw.limit_in_bytes',
  'memory.high',
  'memory.low',
  'memory.swap.max',
  'cpu.shares',
  'cpu.weight',
  'cpuset.cpus',
  'cpuset.cpus.effective',
  'cpuacct.usage',
  'pids.events',
  'pids.peak',
  'blkio.throttle.io_serviced_recursive',
  'io.max',
]);

/** Reads the groups of compartments, each file once a scrape. */
export class GroupCollector {
  readonly #host: Host;
  readonly #files: KernelReader;
  readonly #meter: Meter;

  constructor(host: Host, files: KernelReader, meter: Meter) {
    this.#host = host;
    this.#files = files;
    this.#meter = meter;
  }

  /** @returns null where the groups are gone, or go while they are read */
  read(store: Store, record: CompartmentRecord, level: Level): Snapshot | null {
    const read = this.#reader(record.group, level);
    const has = (kind: string): boolean => kind in record.subsystems;
    const snapshot = {
      vm: has('vm') ? vm.readAll(this.#host, read) : null,
      sched: has('sched') ? sched.readAll(this.#host, read) : null,
      io: has('io') ? io.readAll(this.#host, read) : null,
      pids: has('pids') ? pids.readAll(this.#host, read) : null,
    };
    // The directory that gives identity is the first to be removed: while it is there, all of them were.
    const membership = this.#attempt(() => membershipOf(record.group, (path) => this.#files.read(path)));
    if (membership === null) return null;
    const state = this.#stateOf(store, record, membership);
    const { frozen, frozenUs } = membership;
    const folder = store.folder(record.name);
    const escapesKilled = record.spec.strict === true ? readEscapes(folder).length : 0;
    const later = { net: null, guest: null, reason: null, escaped: null };
    return { record, state, frozen, frozenUs, escapesKilled, ...snapshot, ...later };
  }

  #stateOf(store: Store, record: CompartmentRecord, membership: Membership): State {
    const state = stateFrom(record, membership);
    if (state === 'exited') return record.exitCode === 0 || record.exitCode === null ? 'exited' : 'failed';
    const stops = membership.populated && record.spec.timeoutMs !== null && store.hasTimedOut(record.name);
    return stops ? 'stopping' : state;
  }

  /** Each file is read when it is first asked for; one that cannot be read counts as an error, and as absent. */
  #reader(group: Group, level: Level): ReadGroup {
    const readFile = (path: string): string | null => this.#attempt(() => this.#files.read(path));
    const read = groupReader(group, readingOnce(readFile));
    return (controller, file) => (level === 'core' && FULL_ONLY.has(file) ? null : read(controller, file));
  }

  #attempt<T>(step: () => T): T | null {
    return this.#meter.attempt('cgroup', step);
  }
}
