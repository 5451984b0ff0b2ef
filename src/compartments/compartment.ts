import { CompartError } from '../shared/errors.js';
import { UndoStack } from '../shared/undo.js';
import { enclosing } from '../host/cgroup/base.js';
import { createGroup, type Group } from '../host/cgroup/group.js';
import type { Host } from '../host/host.js';
import { identify, selfIdentity, type ProcessIdentity } from '../host/proc/identity.js';
import { RECORD_SCHEMA, type CompartmentRecord, type GuestRecord, type SpecRecord } from '../state/record.js';
import { Store } from '../state/store.js';
import { asksIdle, groupOf } from './groups.js';
import type { Limits } from './limits.js';
import { makeId } from './names.js';
import { groundOf } from './readings.js';
import { startGuard } from './strict.js';
import { hasLostGroup, sweepName, takeAway } from './sweep.js';
import type { Ahead, FlagRefusal, SubsystemKind } from './subsystem.js';
import { canHave, checkLimits, kindsAsked, refusalsOf, SUBSYSTEMS } from './subsystems.js';

/** A compartment at hand: its host, the folder of its state, and its record as last read or written. */
export interface Compartment {
  host: Host;
  store: Store;
  record: CompartmentRecord;
}

export interface CreateRequest {
  name: string;
  /** What to load; a kind the host lacks is left out unless a limit asks for it. */
  kinds: readonly SubsystemKind[];
  limits: Limits;
  labels: Record<string, string>;
  spec: SpecRecord;
  /** Does the caller remove it at its end? Else it stays until `rm`. */
  owned: boolean;
  /** What makes it a guest: a kernel of its own. */
  guest?: GuestRecord;
  /** With `strict` in its spec: argv that starts compart itself, for its guard. */
  guard?: readonly string[];
  /** Let pass what cannot be enforced, and say so in the record. */
  bestEffort: boolean;
  /** What this process has loaded ahead, by kind. */
  ahead?: Aheads;
}

export type Aheads = Partial<Record<SubsystemKind, Ahead>>;

/** @throws ERR_COMPART_UNSUPPORTED naming every limit that cannot be enforced, with what mends it */
export function refuse(refusals: readonly FlagRefusal[]): void {
  if (refusals.length === 0) return;
  const message = refusals
    .map(({ flag, why }) => `${flag} cannot be enforced on this host: ${why}`)
    .join('; ');
  const mend = [...new Set(refusals.map((refusal) => refusal.mend))].join('; ');
  throw new CompartError('ERR_COMPART_UNSUPPORTED', message, {
    hint: `${mend} (or --best-effort to go without)`,
  });
}

/** The limits less those refused, for --best-effort. */
export function withoutRefused(limits: Limits, refusals: readonly FlagRefusal[]): Limits {
  const refused = new Set(refusals.map(({ flag }) => flag));
  const left: Limits = {};
  for (const kind of kindsAsked(limits)) {
    const { flags } = SUBSYSTEMS[kind];
    const kept = Object.entries(limits[kind] ?? {}).filter(([limit]) => !refused.has(flags[limit] ?? ''));
    if (kept.length > 0) Object.assign(left, { [kind]: Object.fromEntries(kept) });
  }
  return left;
}

/**
 * Makes a compartment with its subsystems loaded and no process in it.
 * @throws ERR_COMPART_USAGE, ERR_COMPART_EXISTS, ERR_COMPART_UNSUPPORTED, ERR_COMPART_KERNEL, ERR_COMPART_STATE; nothing is left
 */
export async function createCompartment(host: Host, request: CreateRequest): Promise<Compartment> {
  await host.ready();
  refuseNested(host);
  checkLimits(host, request.limits);
  const refusals = refusalsOf(host, request.limits);
  if (!request.bestEffort) refuse(refusals);
  const limits = request.bestEffort ? withoutRefused(request.limits, refusals) : request.limits;
  const kinds = kindsFor(host, request, limits);
  const group = groupOf(host, request.name, kinds, asksIdle(limits));
  const store = new Store(host.paths.state);
  const self = selfIdentity(host.paths.proc);
  const record = {
    ...newRecord(request, group, host.caller.identity(host.paths.proc)),
    stack: kinds.includes('net'),
    ...(request.spec.strict === true && request.owned ? { front: frontOf(host) } : {}),
  };
  claim(host, store, record, self);
  const undo = new UndoStack();
  undo.add(`state of ${record.name}`, () => store.drop(record.name));
  try {
    await host.stillReady();
    createGroup(host.layout, group, undo);
    for (const kind of kinds) {
      undo.add(kind, () => SUBSYSTEMS[kind].release?.(host, groundOf({ store, record })));
      await loadInto({ host, store, record }, kind, limits, refusals, request.ahead);
    }
    // An owned one is saved once more with its process in it; until then the claim names all there is to remove.
    if (!request.owned) {
      record.owner = null;
      store.save(record);
    }
    if (request.spec.strict === true) record.guard = startGuard({ host, store, record }, request.guard ?? []);
    undo.keep();
    return { host, store, record };
  } catch (error) {
    throw undo.unwindFor(error, 'compart gc removes it');
  }
}

/** An optional kind under --best-effort, on a host that cannot have it, is left out as a whole. */
function kindsFor(host: Host, { kinds, limits }: CreateRequest, left: Limits): SubsystemKind[] {
  const isLeftOut = (kind: SubsystemKind): boolean =>
    SUBSYSTEMS[kind].optional && limits[kind] !== undefined && left[kind] === undefined;
  return kinds.filter((kind) => canHave(host, kind) && !isLeftOut(kind));
}

/** Loads one kind into a group that exists, and notes it in the record (which the caller saves). */
export async function loadInto(
  { host, store, record }: Compartment,
  kind: SubsystemKind,
  limits: Limits,
  refusals: readonly FlagRefusal[],
  ahead: Aheads = {},
): Promise<void> {
  const subsystem = SUBSYSTEMS[kind];
  const ground = groundOf({ store, record });
  const asked = { ...limits[kind] };
  const loaded =
    (await ahead[kind]?.take(host, ground, asked)) ??
    (await subsystem.load(host, ground, (await subsystem.prepare?.(host, ground, asked, null)) ?? asked));
  const flags = new Set(Object.values(subsystem.flags));
  const notEnforced = refusals.map(({ flag }) => flag).filter((flag) => flags.has(flag));
  record.subsystems[kind] = { ...loaded, notEnforced };
}

function newRecord(request: CreateRequest, group: Group, owner: ProcessIdentity): CompartmentRecord {
  return {
    schema: RECORD_SCHEMA,
    id: makeId(),
    name: request.name,
    kind: request.guest === undefined ? 'compartment' : 'guest',
    ...(request.guest === undefined ? {} : { guest: request.guest }),
    createdAt: Date.now(),
    startedAt: null,
    endedAt: null,
    labels: request.labels,
    spec: request.spec,
    main: null,
    owner,
    exitCode: null,
    group,
    stack: false,
    subsystems: {},
  };
}

/** What started this process to plan for it. */
const frontOf = ({ front, paths }: Host): ProcessIdentity | null =>
  front?.resident === false ? identify(paths.proc, process.ppid) : null;

/** Takes the name; one that a crash left behind is swept first. */
function claim(host: Host, store: Store, record: CompartmentRecord, claimer: ProcessIdentity): void {
  // An empty folder would be taken over, with what may run in groups that its lost record named.
  if (store.hasFolder(record.name) && store.condition(record.name) === 'missing')
    sweepName(host, store, record.name);
  try {
    store.claim(record, claimer);
  } catch (error) {
    if (!(error instanceof CompartError) || error.code !== 'ERR_COMPART_EXISTS') throw error;
    if (!sweepName(host, store, record.name)) throw error;
    store.claim(record, claimer);
  }
}

/** A compartment made from within another would stand beside it and leave its limits behind. */
function refuseNested(host: Host): void {
  const outer = enclosing(host.layout, host.base);
  if (outer === null) return;
  throw new CompartError(
    'ERR_COMPART_UNSUPPORTED',
    `this process runs in compartment "${outer}" already; a new compartment would leave its limits`,
    {
      hint: `start it from outside, or change the limits of the one it is in: compart set ${outer}`,
    },
  );
}

/** The compartment of this name. @throws ERR_COMPART_NOT_FOUND, also where its group is; ERR_COMPART_STATE */
export async function openCompartment(host: Host, name: string): Promise<Compartment> {
  const store = new Store(host.paths.state);
  await host.ready();
  const record = store.get(name);
  if (!hasLostGroup(host, store, record)) return { host, store, record };
  takeAway(host, store, record);
  throw new CompartError('ERR_COMPART_NOT_FOUND', `somebody took the group of "${name}" away`, {
    hint: `it holds nobody any more; load it anew: compart load --name ${name}`,
  });
}
