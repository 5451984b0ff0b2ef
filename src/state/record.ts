import type { Group } from '../host/cgroup/group.js';
import type { ProcessIdentity } from '../host/proc/identity.js';

export const RECORD_SCHEMA = 1;

/** May a compartment be called so? Its name is the name of its folder and of its groups. */
export function isName(text: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,62}$/.test(text);
}

/** What is on disk of one subsystem: what was asked, and what of it the host does not enforce. */
export interface SubsystemRecord {
  driver: string;
  limits: unknown;
  /** Flags that --best-effort let pass, e.g. `--swap`. */
  notEnforced: string[];
  /** What it made besides groups, enough to take it away after a crash. */
  handles?: unknown;
}

/** How the command was asked for; `inspect` shows it. */
export interface SpecRecord {
  command: string[] | null;
  workdir: string | null;
  user: string | null;
  env: string[];
  timeoutMs: number | null;
  keep: boolean;
  detached: boolean;
  limits: Record<string, string>;
  /** The compart.yaml that brought it up, or null: those of one file reach each other by name. */
  project: string | null;
  /** Is what gets out of its groups to be killed? */
  strict?: boolean;
}

/** The kernel of its own that a guest has, and what that kernel is given. */
export interface GuestRecord {
  /** The file that is booted, its release, and who built it. */
  kernel: string;
  release: string;
  origin: 'compart' | 'debian' | 'file';
  /** RAM of the guest, and its own swap. */
  memoryBytes: number;
  swapBytes: number;
  /** Tasks that it may have, null without a limit. */
  tasks: number | null;
  /** The CPU that its kernel is pinned to. */
  cpu: number | null;
  /** As asked for: `host`, a folder or an image. */
  root: string;
  mounts: string[];
  disks: string[];
  /** The root's own init, or null for compart's. */
  init: string | null;
  /** Files of the host that were made for it outside of its state folder, and go with it. */
  files: string[];
}

/** That of a compartment which was made without a command, and stays. */
export const NO_COMMAND: SpecRecord = {
  command: null,
  workdir: null,
  user: null,
  env: [],
  timeoutMs: null,
  keep: true,
  detached: false,
  limits: {},
  project: null,
};

/**
 * One compartment on disk. Status is computed from the kernel, never stored. Written before the first change
 * it names, so that whatever a crash leaves can be found from it.
 */
export interface CompartmentRecord {
  schema: typeof RECORD_SCHEMA;
  id: string;
  name: string;
  kind: 'compartment' | 'guest';
  /** Unix time in milliseconds. */
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  labels: Record<string, string>;
  spec: SpecRecord;
  /** The command itself. */
  main: ProcessIdentity | null;
  /** With `strict` alone: the guard, without which the command does not go on. */
  guard?: ProcessIdentity;
  /** With `strict` alone: the front, parent of the command and of the owner, which plans for it; null for a monitor, which is the owner. */
  front?: ProcessIdentity | null;
  /** Who removes the compartment at its end; if it is gone without doing so, `gc` does. Null: nobody, it stays. */
  owner: ProcessIdentity | null;
  exitCode: number | null;
  group: Group;
  /** Only of a guest. */
  guest?: GuestRecord;
  /** Has it a network stack of its own, or is one being made? Then a lease may be found under its id. */
  stack: boolean;
  subsystems: Record<string, SubsystemRecord>;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Is this the record of a compart that counts its schemas further, or less far? */
export function isOfOtherVersion(value: unknown): boolean {
  const schema = (value as { schema?: unknown } | null)?.schema;
  return typeof schema === 'number' && schema !== RECORD_SCHEMA;
}

/** Is this what {@link CompartmentRecord} promises, as far as its readers rely on it? */
export function isRecord(value: unknown): value is CompartmentRecord {
  if (!isObject(value)) return false;
  const record = value as Partial<CompartmentRecord>;
  return (
    record.schema === RECORD_SCHEMA &&
    typeof record.name === 'string' &&
    typeof record.id === 'string' &&
    typeof record.createdAt === 'number' &&
    isObject(record.spec) &&
    isObject(record.subsystems) &&
    typeof record.group?.identity === 'string' &&
    isObject(record.group.dirs)
  );
}
