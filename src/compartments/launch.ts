import { CompartError } from '../shared/errors.js';
import { attachByManager } from '../host/cgroup/systemd.js';
import { launch } from '../host/exec.js';
import { throwFailure, type Deadline, type ExitStatus, type Launched } from '../host/launched.js';
import type { LaunchPlan } from '../host/plan.js';
import { lookUpUser } from '../host/users.js';
import { groupDirs } from '../host/cgroup/group.js';
import type { Compartment } from './compartment.js';
import { loadedKinds, loadedOf } from './readings.js';
import { SUBSYSTEMS } from './subsystems.js';

export type Stdio = 'inherit' | 'ignore' | 'pipe' | number;

/** A command to be born in a compartment. */
export interface CommandRequest {
  argv: readonly string[];
  /** Added to the caller's own environment, less the names in `unset`; all of it with `clearEnv`. */
  env: Record<string, string>;
  unset?: readonly string[];
  clearEnv?: boolean;
  workdir: string | null;
  /** `USER[:GROUP]`, or null to stay who the caller is. */
  user: string | null;
  stdio: readonly [Stdio, Stdio, Stdio];
  /** Only charged to the compartment: what it reaches it reaches otherwise (a client of a guest). */
  charged?: boolean;
  /** A session, and with it a process group, of its own. */
  ownSession?: boolean;
}

/** All that makes a process a member of everything the compartment has. */
function placementOf(compartment: Compartment, charged: boolean): LaunchPlan {
  const plan: LaunchPlan = {
    cgroups: groupDirs(compartment.record.group).map((dir) => `${dir}/cgroup.procs`),
  };
  for (const kind of charged ? [] : loadedKinds(compartment)) {
    const loaded = loadedOf(compartment, kind);
    if (loaded !== null) Object.assign(plan, SUBSYSTEMS[kind].placement?.(compartment.host, loaded));
  }
  // A guest has its names in files of its own; its keeper stays where it sees what the host mounts later.
  if (compartment.record.kind === 'guest') delete plan.binds;
  return plan;
}

function planFor(compartment: Compartment, request: CommandRequest): LaunchPlan {
  const { host } = compartment;
  const { env, unset = [], clearEnv = false, ownSession = false } = request;
  const plan: LaunchPlan = {
    ...placementOf(compartment, request.charged ?? false),
    ...(clearEnv ? { clearEnv } : {}),
    ...(ownSession ? { setsid: true } : {}),
    unsetEnv: unset,
    env,
  };
  if (request.workdir !== null) plan.workdir = request.workdir;
  if (request.user !== null) {
    const { uid, gid, groups, name, home } = lookUpUser(request.user);
    // A caller without privileges may stay who it is, and only that; setgroups(2) is not its to call.
    if (uid !== host.uid || host.uid === 0) plan.credentials = { uid, gid, groups };
    plan.env = { HOME: home ?? '/', ...(name === null ? {} : { USER: name, LOGNAME: name }), ...env };
  }
  return plan;
}

/**
 * Starts a command inside the compartment.
 * @throws ERR_COMPART_LAUNCH; a failure that shows at the exit is thrown by {@link exitOf}
 */
export async function launchIn(
  compartment: Compartment,
  request: CommandRequest,
  { monitor, deadline = null }: { monitor?: LaunchPlan['monitor']; deadline?: Deadline | null } = {},
): Promise<Launched> {
  const { host, store, record } = compartment;
  const plan = planFor(compartment, request);
  const byManager = host.base.unit === 'user';
  if (byManager) Object.assign(plan, { hold: true, cgroups: [] });
  if (monitor !== undefined) Object.assign(plan, { monitor, setsid: true });
  // The command itself, not what `exec` brings in later: whoever starts that is not the owner, and looked at by nobody.
  if (record.spec.strict === true && record.startedAt === null)
    Object.assign(plan, { adopt: true, guard: record.guard?.pid });
  const asked = {
    plan,
    argv: request.argv,
    stdio: request.stdio,
    scratch: store.folder(record.name),
    deadline,
  };
  // A command that outlives the front is not the front's to start.
  const front = monitor === undefined ? host.front : null;
  if (monitor !== undefined && host.front?.resident === true)
    throw new CompartError('ERR_COMPART_INTERNAL', 'a detached command was asked of a service');
  const launched = await (front === null ? launch(host.paths.native('launch'), asked) : front.launch(asked));
  if (byManager) {
    const { pid } = await launched.report('ready');
    await attachByManager('user', record.name, pid ?? launched.pid);
    launched.go();
  }
  return launched;
}

/** Waits for the end of a command; a launch that failed is an error, not an exit status. */
export async function exitOf(launched: Launched): Promise<ExitStatus> {
  const exit = await launched.exited();
  throwFailure(await launched.report(), exit.exitCode ?? 0);
  return exit;
}
