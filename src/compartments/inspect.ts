import { isFrozen } from '../host/cgroup/freeze.js';
import { isEmpty } from '../host/cgroup/group.js';
import type { Membership } from '../host/cgroup/membership.js';
import type { Host } from '../host/host.js';
import { readingOnce } from '../host/kernfs.js';
import { aliveAt, type Alive } from '../host/proc/identity.js';
import type { Escape } from '../state/escapes.js';
import { readMounts, readReport, type GuestReport } from '../state/guest.js';
import type { CompartmentRecord, GuestRecord, SpecRecord } from '../state/record.js';
import { Store } from '../state/store.js';
import type { Compartment } from './compartment.js';
import { runsUnder } from './damaged.js';
import { loadedKinds, loadedOf } from './readings.js';
import { isAbandoned, takeAway } from './sweep.js';
import { SUBSYSTEMS } from './subsystems.js';

export type CompartmentState = 'created' | 'running' | 'frozen' | 'exited';

/** The shape of `compart inspect`; `ps --json` is an array of the same without `spec` (docs/cli.md). */
export interface Inspection {
  name: string;
  id: string;
  kind: 'compartment' | 'guest';
  state: CompartmentState;
  pid: number | null;
  command: string[] | null;
  createdAt: string;
  startedAt: string | null;
  labels: Record<string, string>;
  spec: SpecRecord;
  /** Only of a guest: its kernel and what it has, and what it last said of itself. */
  guest?: Omit<GuestRecord, 'files'> & { report: GuestReport | null };
  /** Processes outside of groups that they belong in; absent where there are none, and where nobody looked. */
  escaped?: Escape[];
  subsystems: Record<
    string,
    {
      driver: string;
      enforced: boolean;
      notEnforced: string[];
      /** What somebody took away of what was loaded; absent where all is in order. */
      fault?: string;
      limits: unknown;
      stats: unknown;
    }
  >;
}

const UNKNOWN = { limits: null, stats: null, fault: null };

/** Computed from the kernel each time, never stored. */
export function stateOf({ record }: Compartment): CompartmentState {
  const look = readingOnce();
  const populated = !isEmpty(record.group, look);
  return stateFrom(record, { populated, frozen: isFrozen(record.group, look) });
}

/** The state that follows from what the kernel said of the group. Pure. */
export function stateFrom(
  { endedAt }: Pick<CompartmentRecord, 'endedAt'>,
  { populated, frozen }: Pick<Membership, 'populated' | 'frozen'>,
): CompartmentState {
  if (populated) return frozen ? 'frozen' : 'running';
  return endedAt === null ? 'created' : 'exited';
}

const isoTime = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

function guestOf(
  { store, record }: Compartment,
  { files: _files, ...guest }: GuestRecord,
): NonNullable<Inspection['guest']> {
  const folder = store.folder(record.name);
  return { ...guest, mounts: [...guest.mounts, ...readMounts(folder)], report: readReport(folder) };
}

/** What it is, and whether it runs. */
export function headOf(
  compartment: Compartment,
  alive: Alive,
): Omit<Inspection, 'spec' | 'guest' | 'escaped' | 'subsystems'> {
  const { record } = compartment;
  return {
    name: record.name,
    id: record.id,
    kind: record.kind,
    state: stateOf(compartment),
    pid: record.main !== null && alive(record.main) ? record.main.pid : null,
    command: record.spec.command,
    createdAt: isoTime(record.createdAt) ?? '',
    startedAt: isoTime(record.startedAt),
    labels: record.labels,
  };
}

/** @param escaped what `lookForEscapes` has found of it */
export function inspectCompartment(
  compartment: Compartment,
  escaped: Escape[] = [],
  alive: Alive = aliveAt(compartment.host.paths.proc),
): Inspection {
  const { host, record } = compartment;
  const subsystems = loadedKinds(compartment).map((kind) => {
    const loaded = loadedOf(compartment, kind);
    const { driver, notEnforced } = loaded?.record ?? { driver: '', notEnforced: [] };
    const { limits, stats, fault } = (loaded && SUBSYSTEMS[kind].inspect(host, loaded)) ?? UNKNOWN;
    const enforced = notEnforced.length === 0 && fault === null;
    return [
      kind,
      { driver, enforced, notEnforced, ...(fault === null ? {} : { fault }), limits, stats },
    ] as const;
  });
  return {
    ...headOf(compartment, alive),
    spec: record.spec,
    ...(record.guest === undefined ? {} : { guest: guestOf(compartment, record.guest) }),
    ...(escaped.length === 0 ? {} : { escaped }),
    subsystems: Object.fromEntries(subsystems),
  };
}

/** Compartments that exist, and the names whose record is damaged. */
export interface Listing {
  compartments: Compartment[];
  damaged: Array<{ name: string; why: string }>;
}

/** Every compartment of this user; what a crash left behind is swept on the way. */
export async function listCompartments(
  host: Host,
  alive: Alive = aliveAt(host.paths.proc),
): Promise<Listing> {
  const store = new Store(host.paths.state);
  const listing: Listing = { compartments: [], damaged: [] };
  const names = store.names();
  if (names.length > 0) await host.ready();
  for (const name of names) {
    try {
      const record = store.read(name);
      if (record === null) {
        if (runsUnder(host, name)) throw store.damage(name);
        continue;
      }
      if (isAbandoned(host, store, record, alive)) takeAway(host, store, record);
      else listing.compartments.push({ host, store, record });
    } catch (error) {
      listing.damaged.push({ name, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return listing;
}
