import { closeSync } from 'node:fs';
import { CompartError } from '../shared/errors.js';
import { takenBackFor } from '../shared/undo.js';
import { killGroupSoon } from '../host/cgroup/kill.js';
import type { Host } from '../host/host.js';
import { throwFailure, type Launched, type Streams } from '../host/launched.js';
import { identify, selfIdentity } from '../host/proc/identity.js';
import { createCompartment, type Aheads, type Compartment, type CreateRequest } from './compartment.js';
import { finishRun, type RunResult } from './finish.js';
import { exitOf, launchIn, type CommandRequest } from './launch.js';
import { openLog } from './log.js';
import { readAhead } from './readings.js';
import { kindsOfRun } from './subsystems.js';
import { takeAway } from './sweep.js';
import { deadlineOf } from './timeout.js';

/** A command and the compartment to run it in: every subsystem is loaded, so that its use is known at the end. */
export type RunRequest = Omit<CreateRequest, 'kinds' | 'owned'> &
  CommandRequest & {
    /** From the end of its time to SIGKILL, in milliseconds. */
    graceMs?: number;
    /** Told the result as soon as it is known: no process is left then, and the compartment is about to go. */
    told?: ((result: RunResult) => void) | undefined;
  };

/**
 * What is made of a compartment before its command starts, and the command that is then started in it: a guest is one
 * whose command is its keeper. @throws to have the compartment taken away
 */
export type Furnish = (compartment: Compartment, command: CommandRequest) => CommandRequest;

/** A command that runs. */
export interface Run {
  compartment: Compartment;
  pid: number;
  streams: Streams;
  /** Sends a signal to the command itself. */
  signal(signal: NodeJS.Signals): void;
  /** The end; the compartment is gone by then. Rejects with a CompartError if the command could not be started. */
  ended: Promise<RunResult>;
}

async function create(host: Host, request: RunRequest): Promise<Compartment> {
  return createCompartment(host, { ...request, kinds: kindsOfRun(request.limits), owned: true });
}

/** Takes a compartment away that is of no use: its command could not be started, or is not to come. */
export function abandon({ host, store, record }: Compartment): void {
  takeAway(host, store, record);
}

/** {@link abandon} for an error, which is what there is to tell. @returns the error to throw */
const abandonFor = (error: unknown, compartment: Compartment): unknown =>
  takenBackFor(error, `"${compartment.record.name}"`, () => abandon(compartment), 'compart gc removes it');

/**
 * A command that was launched in a compartment of its own, which goes with it.
 * @param settle what has to end between the command and its compartment
 * @param ahead has some of the last readings sooner
 */
export function attend(
  compartment: Compartment,
  launched: Launched,
  told: RunRequest['told'],
  settle?: () => Promise<unknown>,
  ahead?: Aheads,
): Run {
  const { host, record } = compartment;
  const ended = exitOf(launched)
    .then(async (exit) => {
      await settle?.();
      // Under a front nobody waits for the event loop.
      if (host.front?.resident === false) return finishRun(compartment, exit, told);
      await killGroupSoon(record.group);
      return finishRun(compartment, exit, told, await readAhead(compartment, ahead));
    })
    .catch((error: unknown) => {
      throw abandonFor(error, compartment);
    });
  return { compartment, pid: launched.pid, streams: launched.streams, signal: launched.signal, ended };
}

const asItIs: Furnish = (_compartment, command) => command;

/** Starts a command in a new compartment and returns at once. */
export async function startRun(host: Host, request: RunRequest, furnish = asItIs): Promise<Run> {
  const compartment = await create(host, request);
  const { store, record } = compartment;
  try {
    const command = furnish(compartment, request);
    const launched = await launchIn(compartment, command, {
      deadline: deadlineOf(compartment, request.graceMs),
    });
    record.startedAt = Date.now();
    record.main = identify(host.paths.proc, launched.pid);
    store.save(record);
    return attend(compartment, launched, request.told, undefined, request.ahead);
  } catch (error) {
    throw abandonFor(error, compartment);
  }
}

/**
 * Starts a command that outlives the caller. A monitor of a few hundred kilobytes waits for it
 * (native/monitor.c) and calls `supervisor` at its end: `finish-run NAME ID STATUS`.
 * @param supervisor argv that starts compart itself
 */
export async function startDetached(
  host: Host,
  request: Omit<RunRequest, 'stdio'>,
  supervisor: readonly string[],
  furnish = asItIs,
): Promise<Compartment> {
  const compartment = await create(host, { ...request, stdio: ['ignore', 'ignore', 'ignore'] });
  const { record } = compartment;
  try {
    const log = openLog(host, record.id);
    const timeoutMs = request.spec.timeoutMs;
    const finish = [...supervisor, 'finish-run', record.name, record.id];
    const expireArgv = [...supervisor, 'expire-run', record.name, record.id];
    const launched = await launchIn(
      compartment,
      furnish(compartment, { ...request, stdio: ['ignore', log, log] }),
      { monitor: { timeoutMs, finish, expire: timeoutMs === null ? [] : expireArgv } },
    ).finally(() => closeSync(log));
    // Whatever comes of it: a monitor that is held goes on waiting, when its command has long been ended.
    await noteStart(compartment, launched).finally(() => launched.release());
    return compartment;
  } catch (error) {
    throw abandonFor(error, compartment);
  }
}

/** Has the monitor own the compartment. @throws ERR_COMPART_LAUNCH, and what kept the command from starting */
async function noteStart({ host, store, record }: Compartment, launched: Launched): Promise<void> {
  const report = await launched.report();
  if (report.failure !== null) throwFailure(report, (await launched.exited()).exitCode ?? 0);
  if (report.pid === null)
    throw new CompartError('ERR_COMPART_LAUNCH', 'the monitor ended before the command started');
  record.startedAt = Date.now();
  record.main = identify(host.paths.proc, report.pid);
  record.owner = identify(host.paths.proc, launched.pid) ?? selfIdentity(host.paths.proc);
  if (record.front !== undefined) record.front = null;
  store.save(record);
}
