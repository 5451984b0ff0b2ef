import { constants } from 'node:os';
import { CompartError } from '../shared/errors.js';
import { setFrozen } from '../host/cgroup/freeze.js';
import type { Host } from '../host/host.js';
import type { Launched } from '../host/launched.js';
import { identify, isAlive } from '../host/proc/identity.js';
import { createCompartment, type Compartment } from '../compartments/compartment.js';
import { exitOf, launchIn, type CommandRequest } from '../compartments/launch.js';
import { abandon, attend, type Run } from '../compartments/run.js';
import { signalCompartment } from '../compartments/signal.js';
import { kindsOfRun } from '../compartments/subsystems.js';
import { deadlineOf } from '../compartments/timeout.js';
import { commandInGuest } from './agent/exec.js';
import { furnishing } from './furnish.js';
import { planGuest, requestFor, type GuestRequest } from './guest.js';

/** The client could not reach the guest (native/guest.h); of any other status it is the command's. */
const CLIENT_FAILED = 125;

/** A guest that was booted for a command to come, and is frozen until then. */
export interface WaitingGuest {
  compartment: Compartment;
  keeper: Launched;
}

/** Any command that ends shows that the guest takes commands; this one leaves it with the libraries of most in its cache. */
const PROBE: CommandRequest = {
  argv: ['true'],
  env: {},
  workdir: '/',
  user: null,
  stdio: ['ignore', 'ignore', 'ignore'],
};

/**
 * Boots a guest without a command, waits until it takes one, and freezes it. It is this process's: `gc` takes it away
 * when this process is gone.
 * @throws as {@link bootGuest}; ERR_COMPART_KERNEL where it does not come up; nothing is left
 */
export async function bootWaiting(host: Host, request: GuestRequest): Promise<WaitingGuest> {
  const plan = planGuest(host, request);
  const asked = requestFor(host, request, plan);
  const compartment = await createCompartment(host, {
    ...asked,
    kinds: kindsOfRun(asked.limits),
    owned: true,
  });
  try {
    const none = { ...asked, argv: [], workdir: '/', stdio: PROBE.stdio };
    const keeper = await launchIn(compartment, furnishing(plan)(compartment, none));
    const { store, record } = compartment;
    record.startedAt = Date.now();
    record.main = identify(host.paths.proc, keeper.pid);
    store.save(record);
    const { exitCode } = await exitOf(await launchIn(compartment, commandInGuest(compartment, PROBE)));
    if (exitCode === CLIENT_FAILED || !isWaiting({ compartment, keeper }))
      throw new CompartError('ERR_COMPART_KERNEL', 'the guest ended while it was booted', {
        hint: 'compart boot with the same flags says why',
      });
    setFrozen(record.group, true);
    return { compartment, keeper };
  } catch (error) {
    abandon(compartment);
    throw error;
  }
}

/** Is it still there, and still the one that was booted? */
export function isWaiting({ compartment: { host, store, record } }: WaitingGuest): boolean {
  return (
    record.main !== null &&
    isAlive(host.paths.proc, record.main) &&
    store.readWhole(record.name)?.id === record.id
  );
}

/**
 * Runs a command in it, for the caller of `host`: what {@link bootGuest} would have done, but for the boot. The guest
 * powers off when the command ends.
 */
export async function startWaiting(
  { compartment: { store, record }, keeper }: WaitingGuest,
  host: Host,
  { run }: GuestRequest,
): Promise<Run> {
  const compartment: Compartment = {
    host: await host.ready(),
    store,
    record: {
      ...record,
      labels: run.labels,
      spec: run.spec,
      startedAt: Date.now(),
      owner: host.caller.identity(host.paths.proc),
    },
  };
  try {
    store.save(compartment.record);
    setFrozen(record.group, false);
    const command = commandInGuest(compartment, { ...run, stdio: ['inherit', 'inherit', 'inherit'] });
    const launched = await launchIn(compartment, command, { deadline: deadlineOf(compartment) });
    return attend(compartment, launched, run.told, () => {
      signalCompartment(compartment, constants.signals.SIGTERM);
      // What it says of its end is in the exit record.
      return keeper.exited();
    });
  } catch (error) {
    abandon(compartment);
    throw error;
  }
}
