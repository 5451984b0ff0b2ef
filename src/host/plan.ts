import { CompartError } from '../shared/errors.js';
import { encodeRecords } from '../shared/records.js';

/** What a process must do to be born inside its compartment: one plan for native/launch.c. */
export interface LaunchPlan {
  /** cgroup.procs files to join, in order. */
  cgroups: string[];
  namespaces?: Array<{ type: string; path: string }>;
  /** Parameters of the entered network namespace, by their path below /proc/sys (`net/ipv4/ip_forward`). */
  sysctls?: Array<{ name: string; value: string }>;
  /** A user namespace of its own after those were entered, in which its ids are these. */
  userns?: { uid: number; gid: number };
  /** Files that the command alone sees in the place of others: absolute paths, no colon in a target. */
  binds?: Array<{ target: string; source: string }>;
  /** Capabilities by number, dropped for good. */
  capDrop?: number[];
  /** Wait until the parent says go: somebody else (systemd) moves the process first. */
  hold?: boolean;
  setsid?: boolean;
  credentials?: { uid: number; gid: number; groups: number[] };
  noNewPrivs?: boolean;
  workdir?: string;
  /** The environment begins empty, or without these names; then `env` is set. */
  clearEnv?: boolean;
  unsetEnv?: readonly string[];
  env?: Record<string, string>;
  /** Its parent, the front or a monitor, adopts what loses its own among what descends from it. */
  adopt?: boolean;
  /** Pid of a process without which the command is not to go on: its parent kills it then. */
  guard?: number;
  /** A supervisor that stays after compart has returned. */
  monitor?: { timeoutMs: number | null; finish: string[]; expire: string[] };
}

/** Encodes a plan as native/plan.c reads it: NUL-terminated `key=value` records. Pure. @throws ERR_COMPART_USAGE for a NUL in a value */
export function encodePlan(plan: LaunchPlan): Buffer {
  const records: Array<[string, string | number]> = [];
  const add = (key: string, value: string | number): void => void records.push([key, value]);
  if (plan.hold) add('hold', 1);
  if (plan.monitor) {
    add('monitor', 1);
    if (plan.monitor.timeoutMs !== null) add('timeout_ms', plan.monitor.timeoutMs);
    for (const argument of plan.monitor.finish) add('finish', argument);
    for (const argument of plan.monitor.expire) add('expire', argument);
  }
  if (plan.adopt) add('adopt', 1);
  if (plan.guard !== undefined) add('guard', plan.guard);
  if (plan.setsid) add('setsid', 1);
  for (const path of plan.cgroups) add('cgroup', path);
  for (const { type, path } of plan.namespaces ?? []) add('ns', `${type}:${path}`);
  for (const { name, value } of plan.sysctls ?? []) add('sysctl', `${name}:${value}`);
  if (plan.userns) add('userns', `${plan.userns.uid}:${plan.userns.gid}`);
  for (const { target, source } of plan.binds ?? []) add('bind', `${target}:${source}`);
  for (const capability of plan.capDrop ?? []) add('capdrop', capability);
  if (plan.credentials) {
    add('groups', plan.credentials.groups.join(','));
    add('gid', plan.credentials.gid);
    add('uid', plan.credentials.uid);
  }
  if (plan.noNewPrivs) add('nnp', 1);
  if (plan.workdir !== undefined) add('workdir', plan.workdir);
  if (plan.clearEnv) add('clearenv', 1);
  for (const name of plan.unsetEnv ?? []) add('unsetenv', name);
  for (const [key, value] of Object.entries(plan.env ?? {})) add('env', `${key}=${value}`);
  return encodeRecords('compart-plan/1', records);
}

/** What the launcher said: the step that failed, or in monitor mode the pid of the command. */
export interface LaunchReport {
  failure: { step: string; errno: number; detail: string } | null;
  pid: number | null;
}

export function parseReport(text: string): LaunchReport {
  const report: LaunchReport = { failure: null, pid: null };
  for (const line of text.split('\n')) {
    const fail = /^fail (\S+) (\d+) ?(.*)$/.exec(line);
    if (fail) report.failure = { step: fail[1] ?? '', errno: Number(fail[2]), detail: fail[3] ?? '' };
    const pid = /^pid (\d+)$/.exec(line);
    if (pid) report.pid = Number(pid[1]);
  }
  return report;
}

const ACTIONS: Readonly<Record<string, string>> = {
  cgroup: 'join the group',
  ns: 'enter the namespace',
  sysctl: 'set the parameter',
  userns: 'make a user namespace for',
  bind: 'bind the files',
  tty: 'keep another user from typing into this terminal',
  capdrop: 'drop the capability',
  groups: 'set the groups',
  gid: 'set the group id',
  uid: 'set the user id',
  nnp: 'set no_new_privs',
  env: 'set the environment',
  workdir: 'change to the directory',
};

const OTHERS = '--user: only root can run a command as somebody else';
const HINTS: Readonly<Record<string, string>> = {
  workdir: '--workdir wants a directory that exists and that the user may enter',
  sysctl: 'the kernel must have it for network namespaces, and take the value',
  userns: 'see sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone',
  bind: 'both must be regular files',
  capdrop: 'only root, or a command in a user namespace of its own, can drop what it could regain',
  groups: OTHERS,
  gid: OTHERS,
  uid: OTHERS,
};

/** The error for a failed launch: 126 and 127 for the command itself, 125 for everything before it. */
export function launchError(
  failure: NonNullable<LaunchReport['failure']>,
  exitCode: number,
  reason: string,
): CompartError {
  const { step, detail } = failure;
  if (step === 'exec' && exitCode === 127) {
    return new CompartError(
      'ERR_COMPART_COMMAND_NOT_FOUND',
      `${detail === '' ? '""' : detail}: command not found`,
      {
        hint: 'give its path, or add its directory to PATH',
      },
    );
  }
  if (step === 'exec') {
    return new CompartError('ERR_COMPART_NOT_EXECUTABLE', `cannot execute ${detail}: ${reason}`, {
      hint: 'it must be a file with execute permission, in a format that this host runs',
    });
  }
  const advice = HINTS[step];
  const hint = advice === undefined ? {} : { hint: advice };
  return new CompartError('ERR_COMPART_LAUNCH', `cannot ${ACTIONS[step] ?? step} ${detail}: ${reason}`, hint);
}
