import { CompartError, usageError } from '../shared/errors.js';
import { takenBackFor, UndoStack } from '../shared/undo.js';
import { createGroup, groupPids } from '../host/cgroup/group.js';
import { joinGroup } from '../host/cgroup/join.js';
import type { Host } from '../host/host.js';
import { Store } from '../state/store.js';
import { changeAlone, takeBack } from './change.js';
import {
  createCompartment,
  loadInto,
  openCompartment,
  refuse,
  withoutRefused,
  type Compartment,
  type CreateRequest,
} from './compartment.js';
import { asksIdle, groupOf } from './groups.js';
import { requireOrdinary } from './ordinary.js';
import { loadedKinds } from './readings.js';
import { startGuard } from './strict.js';
import type { SubsystemKind } from './subsystem.js';
import { sweepName } from './sweep.js';
import { canHave, checkLimits, isForLife, kindsAsked, refusalsOf, SUBSYSTEMS } from './subsystems.js';

/** One kind to load, alone, under a name. */
export type LoadRequest = Omit<CreateRequest, 'kinds' | 'owned'> & { kind: SubsystemKind };

/**
 * Loads one subsystem standing alone; into the compartment of this name if it exists.
 * @throws ERR_COMPART_EXISTS if that kind is loaded there already, ERR_COMPART_UNSUPPORTED
 */
export async function loadSubsystem(host: Host, request: LoadRequest): Promise<Compartment> {
  const foreign = kindsAsked(request.limits).filter((kind) => kind !== request.kind);
  for (const kind of foreign) {
    const flags = Object.keys(request.limits[kind] ?? {}).map(
      (limit) => SUBSYSTEMS[kind].flags[limit] ?? limit,
    );
    throw usageError(
      `${flags.join(', ')}: a limit of ${kind}, not of ${request.kind}`,
      `in a second step, under the same --name: compart load ${kind}`,
    );
  }
  checkLimits(host, request.limits);
  await host.ready();
  requireController(host, request.kind);
  const store = new Store(host.paths.state);
  if (store.read(request.name) === null || sweepName(host, store, request.name)) {
    return createCompartment(host, { ...request, kinds: [request.kind], owned: false });
  }
  const compartment = await openCompartment(host, request.name);
  requireOrdinary(compartment, 'what it has is decided when it boots');
  return changeAlone(compartment, (fresh) => addSubsystem(fresh, request));
}

function requireController(host: Host, kind: SubsystemKind): void {
  if (canHave(host, kind)) return;
  const [refusal] = SUBSYSTEMS[kind].probe(host).refusals;
  throw new CompartError(
    'ERR_COMPART_UNSUPPORTED',
    `${kind} cannot be loaded on this host: ${refusal?.why ?? 'no controller'}`,
    {
      hint: refusal?.mend ?? 'compart doctor',
    },
  );
}

/** Processes that the compartment has already enter what is added to it. */
async function addSubsystem(compartment: Compartment, request: LoadRequest): Promise<Compartment> {
  const { host, store, record } = compartment;
  if (request.kind in record.subsystems) {
    throw new CompartError('ERR_COMPART_EXISTS', `"${record.name}" has ${request.kind} already`, {
      hint: `compart set ${record.name} changes its limits`,
    });
  }
  if (asksIdle(request.limits) && record.group.idle !== true) {
    throw usageError(
      `--cpu-weight: "${record.name}" stands among those that have a weight, and cannot become idle`,
      'load sched first, or under another --name',
    );
  }
  const refusals = refusalsOf(host, request.limits);
  if (!request.bestEffort) refuse(refusals);
  if (isForLife(request.kind) && groupPids(record.group).length > 0) {
    throw new CompartError(
      'ERR_COMPART_BUSY',
      `processes run in "${record.name}", and a running process cannot enter a network stack`,
      { hint: `load ${request.kind} before the first command, or start one anew: compart run --net` },
    );
  }
  const before = record.group;
  const strict = record.spec.strict === true || request.spec.strict === true;
  const kinds = [...loadedKinds(compartment), request.kind];
  const wanted = groupOf(host, record.name, kinds, record.group.idle === true);
  // What it has besides holds processes that may not leave it (change.ts).
  const group = { ...wanted, dirs: { ...record.group.dirs, ...wanted.dirs } };
  // The directories are in the record before they exist; the subsystem is once every process is in them.
  const planned = {
    host,
    store,
    record: {
      ...record,
      group,
      spec: strict ? { ...record.spec, strict } : record.spec,
      stack: record.stack || request.kind === 'net',
    },
  };
  store.save(planned.record);
  try {
    createGroup(host.layout, group, new UndoStack(), before);
    const grown = { host, store, record: { ...planned.record, subsystems: { ...record.subsystems } } };
    await loadInto(
      grown,
      request.kind,
      request.bestEffort ? withoutRefused(request.limits, refusals) : request.limits,
      refusals,
    );
    for (const pid of groupPids(before)) await joinGroup(host, group, record.name, pid);
    store.save(grown.record);
    if (strict && record.spec.strict !== true) startGuard(grown, request.guard ?? []);
    return grown;
  } catch (error) {
    throw takenBackFor(error, request.kind, () => void takeBack(planned), 'compart gc removes it');
  }
}
