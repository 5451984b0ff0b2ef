import { CompartError } from '../shared/errors.js';
import { isFrozen } from '../host/cgroup/freeze.js';
import type { Host } from '../host/host.js';
import type { ExitStatus, Launched } from '../host/launched.js';
import { openCompartment, type Compartment } from '../compartments/compartment.js';
import { oomKillsOf } from '../compartments/events.js';
import { requireIntact } from '../compartments/intact.js';
import { exitOf, launchIn, type CommandRequest } from '../compartments/launch.js';
import { readStats } from '../compartments/readings.js';
import { decide, verdictLine, type LastReadings } from '../compartments/verdict.js';
import { commandInGuest } from '../kernel/agent/exec.js';
import type { CommandSpec } from './options.js';
import type { Ending } from './result.js';
import type { Started } from './started.js';

function requestOf({ argv, env, unset, clearEnv, cwd, user, stdio }: CommandSpec): CommandRequest {
  return { argv, env, unset, clearEnv, workdir: cwd, user, stdio, ownSession: true };
}

/**
 * What is started on the host: the command itself, or the client that has it started in a guest. A copy of the host's root
 * shows the directory that the guest was booted in, which need not be that of this process.
 */
function commandIn(compartment: Compartment, request: CommandRequest): CommandRequest {
  const { kind, guest, spec } = compartment.record;
  if (kind === 'guest') {
    const workdir = request.workdir ?? (guest?.root === 'host' ? spec.workdir : null);
    return commandInGuest(compartment, { ...request, workdir });
  }
  requireIntact(compartment);
  return request;
}

/** A command in a compartment or a guest that is there. */
export async function startIn(host: Host, name: string, id: string, spec: CommandSpec): Promise<Started> {
  const compartment = await openCompartment(host, name);
  if (compartment.record.id !== id)
    throw new CompartError('ERR_COMPART_NOT_FOUND', `"${name}" is another compartment by now`);
  if (isFrozen(compartment.record.group))
    throw new CompartError('ERR_COMPART_BUSY', `"${name}" is frozen: a command in it would not run`, {
      hint: 'thaw() it first',
    });
  const before = countsOf(compartment);
  const time = new Time(spec);
  const launched = await launchIn(compartment, commandIn(compartment, requestOf(spec)), {
    deadline: time.deadline((signal) => signalAll(launched, signal)),
  });
  const { pid, streams } = launched;
  const ended = exitOf(launched).then((exit) => endingOf(compartment, before, exit, time));
  return { compartment, pid, streams, signal: (which) => signalAll(launched, which), ended };
}

/** To the process group of a command; until that is its own, and for the client of a guest, to the process. */
function signalAll({ pid, signal }: Launched, which: NodeJS.Signals): void {
  try {
    process.kill(-pid, which);
  } catch {
    signal(which);
  }
}

/** The time that a command has, and whether it ran out. */
class Time {
  readonly ms: number | null;
  readonly #graceMs: number;
  isOut = false;

  constructor({ timeoutMs, graceMs }: CommandSpec) {
    this.ms = timeoutMs;
    this.#graceMs = graceMs;
  }

  deadline(signal: (signal: NodeJS.Signals) => void) {
    if (this.ms === null) return null;
    const expire = (late: boolean): void => {
      this.isOut = true;
      signal(late ? 'SIGKILL' : 'SIGTERM');
    };
    return { ms: this.ms, graceMs: this.#graceMs, expire };
  }
}

interface Counts {
  readings: LastReadings;
  oomKills: number;
}

function countsOf(compartment: Compartment): Counts {
  const readings = readStats(compartment);
  return { readings, oomKills: oomKillsOf(compartment, readings.vm) };
}

/** What the compartment met while the command ran: others in it may have been the cause. */
function met({ readings: { vm, sched, pids, net }, oomKills }: Counts, before: Counts): LastReadings {
  const since = (now: number | null | undefined, then: number | null | undefined): number =>
    (now ?? 0) - (then ?? 0);
  return {
    ...(vm ? { vm: { ...vm, oomKills: oomKills - before.oomKills } } : {}),
    ...(sched ? { sched } : {}),
    ...(pids ? { pids: { ...pids, denied: since(pids.denied, before.readings.pids?.denied) } } : {}),
    ...(net ? { net: { refused: since(net.refused, before.readings.net?.refused) } } : {}),
  };
}

function endingOf(compartment: Compartment, before: Counts, exit: ExitStatus, time: Time): Ending {
  const readings = met(countsOf(compartment), before);
  const decided = decide(exit, time.isOut, readings);
  const { name } = compartment.record;
  return {
    exit,
    ...decided,
    record: null,
    line: verdictLine({ name, ...decided }, readings, time.ms),
    timedOut: time.isOut,
  };
}
