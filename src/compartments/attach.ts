import { statSync } from 'node:fs';
import { CompartError } from '../shared/errors.js';
import { compartmentAt } from '../host/cgroup/base.js';
import { joinGroup } from '../host/cgroup/join.js';
import { placesLeft, placesOf, type Places } from '../host/cgroup/places.js';
import type { Host } from '../host/host.js';
import { readKernelFile } from '../host/kernfs.js';
import { descendants } from '../host/proc/tree.js';
import { readStat } from '../host/proc/stat.js';
import { parseMeminfo } from '../host/proc/meminfo.js';
import { readGroups } from '../host/proc/table.js';
import { changeAlone } from './change.js';
import type { Compartment } from './compartment.js';
import { requireOrdinary } from './ordinary.js';
import { loadedKinds } from './readings.js';
import { isForLife } from './subsystems.js';

/** What was moved, and how much memory those processes held before: it stays charged where it was. */
export interface Attached {
  pids: number[];
  heldBytes: number;
}

function refused(pid: number, why: string, hint: string): CompartError {
  return new CompartError('ERR_COMPART_ATTACH', `cannot attach process ${pid}: ${why}`, { hint });
}

/** @throws ERR_COMPART_ATTACH with the reason */
function check(host: Host, pid: number): void {
  const stat = readStat(host.paths.proc, pid);
  if (stat === null || stat.state === 'Z')
    throw refused(pid, 'there is no such process', 'ps -e lists those that run');
  if (pid === 1) throw refused(pid, 'it is the init of this system', 'attach the process that you mean');
  if (stat.kernelThread)
    throw refused(pid, `it is a kernel thread (${stat.command})`, 'kernel threads cannot be limited');
  const owner = statSync(`${host.paths.proc}/${pid}`).uid;
  if (host.uid !== 0 && owner !== host.uid)
    throw refused(pid, `it belongs to uid ${owner}`, 'run compart as that user or as root');
}

/**
 * Moves running processes, with their threads and all that descends from them, into the compartment. All pids
 * are checked before the first is moved.
 */
export async function attachProcesses(compartment: Compartment, pids: readonly number[]): Promise<Attached> {
  return changeAlone(compartment, (fresh) => moveTrees(fresh, pids));
}

async function moveTrees(compartment: Compartment, pids: readonly number[]): Promise<Attached> {
  const { host, record } = compartment;
  requireOrdinary(compartment, 'no process of the host can move in');
  if (loadedKinds(compartment).some(isForLife)) {
    throw new CompartError(
      'ERR_COMPART_ATTACH',
      `"${record.name}" has a network stack of its own, which a running process cannot enter`,
      { hint: `start it inside: compart exec ${record.name} -- CMD` },
    );
  }
  for (const pid of pids) check(host, pid);
  const own = readGroups(host.paths.proc, host.caller.pid) ?? new Map<string, string>();
  const places = placesOf(host.layout, record.group, own);
  const moved = new Set<number>();
  let heldBytes = 0;
  const moveIn = async (pid: number): Promise<void> => {
    const held = residentBytes(host, pid);
    if (!(await joinGroup(host, record.group, record.name, pid))) return;
    moved.add(pid);
    heldBytes += held;
  };
  for (const pid of pids) {
    await moveIn(pid);
    // A child forked before its parent was moved is outside still; one forked after is inside already; on v1, where each
    // hierarchy is entered by itself, one forked in between is in some groups and not in others.
    const rest = (): number[] => outside(compartment, places, pid).filter((child) => !moved.has(child));
    for (let found = rest(); found.length > 0; found = rest()) {
      for (const child of found) {
        moved.add(child);
        await moveIn(child);
      }
    }
  }
  return { pids: [...moved], heldBytes };
}

/**
 * Descendants that are not in all of these places. This process itself may be one (`attach $$`) and stays out, and so does
 * what runs in another compartment: it would leave its limits.
 */
function outside({ host: { base, paths }, record }: Compartment, places: Places, pid: number): number[] {
  const isOthers = ([controller, path]: [string, string]): boolean => {
    const name = compartmentAt(base, path, controller === '' ? 2 : 1);
    return name !== null && name !== record.name;
  };
  return descendants(paths.proc, pid).filter((child) => {
    const groups = child === process.pid ? null : readGroups(paths.proc, child);
    return groups !== null && placesLeft(places, groups).length > 0 && ![...groups].some(isOthers);
  });
}

function residentBytes(host: Host, pid: number): number {
  try {
    return parseMeminfo(readKernelFile(`${host.paths.proc}/${pid}/status`) ?? '').get('VmRSS') ?? 0;
  } catch {
    return 0;
  }
}
