import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CompartError } from '../shared/errors.js';
import { parseCpuList } from '../shared/units/cpulist.js';
import { Caller } from './caller.js';
import { chooseBase, refusalOf, type BaseFacts, type CgroupBase, type Refusal } from './cgroup/base.js';
import { detectLayout, hierarchyOf, type CgroupLayout } from './cgroup/detect.js';
import { delegatedBase, delegatedControllers, stopDelegatedBase } from './cgroup/systemd.js';
import { mayWrite, readKernelFile } from './kernfs.js';
import type { Starter } from './launched.js';
import { parseMeminfo } from './proc/meminfo.js';

/**
 * `launch`: what every command starts through. `router` and `relay`: they hold a private router and lead to a published
 * port. `later`: ends a change in the background. `knock`: tries whether a stack's packets are handed on. `flow`: fills
 * a link, to measure it. `heir`: takes away what a process leaves that has ended. `guest` and `init`: the two ends of a guest, on the host and within.
 * `front`: `compart` itself. `xstate.so`: no program but a library, for a kernel that is older than this CPU.
 */
export type NativeProgram =
  | 'front'
  | 'launch'
  | 'router'
  | 'relay'
  | 'later'
  | 'knock'
  | 'netlink'
  | 'flow'
  | 'heir'
  | 'guest'
  | 'init'
  | 'xstate.so';

/** Every root path that compart reads or writes; a test lends its own. */
export interface HostPaths {
  proc: string;
  sys: string;
  /** Records of the compartments that exist, and the history. */
  state: string;
  /** Output of detached commands. */
  log: string;
  /** Where a program of native/ is; looked for when it is needed, which under a front it is not. */
  native: (program: NativeProgram) => string;
  /** What the stacks of this network namespace share: leases, the router. */
  network: string;
}

/** What this host's kernel offers, read once and only when asked for. */
export class Host {
  readonly paths: HostPaths;
  readonly uid: number;
  readonly gid: number;
  /** On whose behalf this is. */
  readonly caller: Caller;
  /** What started this process to plan for it, and starts the command; null where that is done from here. */
  readonly front: Starter | null;
  /** The parent of all groups where it is kept, for whoever stays to take it away at its end ({@link removeBase}). */
  madeBase: CgroupBase | null = null;
  readonly #override: string | null;
  #stays = false;
  #layout: CgroupLayout | null = null;
  #base: CgroupBase | null = null;
  #systemd: boolean | null = null;
  #meminfo: Map<string, number> | null = null;

  constructor(
    paths: HostPaths,
    ids: { uid: number; gid: number },
    cgroupOverride: string | null = null,
    caller = new Caller(),
    front: Starter | null = null,
  ) {
    this.paths = paths;
    this.caller = caller;
    this.uid = ids.uid;
    this.gid = ids.gid;
    this.#override = cgroupOverride;
    this.front = front;
  }

  /**
   * The host this process runs on. COMPART_STATE and COMPART_CGROUP of the caller move the state folder and the groups.
   */
  static current(caller = new Caller(), front: Starter | null = null): Host {
    const uid = process.getuid?.() ?? 0;
    const gid = process.getgid?.() ?? 0;
    return new Host(
      {
        proc: '/proc',
        sys: '/sys',
        native: nativeFile,
        get network() {
          return networkFolder(uid, caller);
        },
        ...stateFolders(uid, caller),
      },
      { uid, gid },
      caller.env['COMPART_CGROUP'] || null,
      caller,
      front,
    );
  }

  get layout(): CgroupLayout {
    this.#layout ??= detectLayout(
      readKernelFile(`${this.paths.proc}/self/mountinfo`) ?? '',
      readKernelFile(`${this.paths.proc}/${this.caller.pid}/cgroup`) ?? '',
      (mountPoint) => readKernelFile(`${mountPoint}/cgroup.controllers`) ?? '',
    );
    return this.#layout;
  }

  /** This process makes one compartment after the other: what they stand in is kept for the next ({@link madeBase}). */
  stay(): this {
    this.#stays = true;
    return this;
  }

  /** Must have been awaited before {@link base} is used; under systemd it starts the unit that owns the groups. */
  async ready(): Promise<this> {
    if (this.#base === null) {
      const chosen = chooseBase(this.layout, this.#facts);
      const base = chosen.unit === null ? chosen : await delegatedBase(this, chosen.unit);
      // Groups do not take it away with the last of them where this process stays: it is kept for the next.
      const kept = (this.#stays || this.front?.resident === true) && base.ours;
      this.madeBase = kept ? base : null;
      this.#base = kept ? { ...base, ours: false } : base;
    }
    return this;
  }

  /**
   * The same again, once a name is claimed: the unit may have been ended since, by somebody who saw no compartment. Who looks
   * from now on sees one.
   */
  async stillReady(): Promise<void> {
    if (this.base.unit !== null) this.#base = await delegatedBase(this, this.base.unit);
  }

  /**
   * Gives back what {@link ready} started.
   * @param isUnused is no compartment left? Asked again at the last moment
   */
  async release(isUnused: () => boolean): Promise<void> {
    const { unit } = this.plannedBase;
    if (unit !== null) await stopDelegatedBase(this, unit, isUnused);
    this.#base = null;
  }

  /** Where compartments stand. */
  get base(): CgroupBase {
    if (this.#base === null)
      throw new CompartError('ERR_COMPART_INTERNAL', 'the host was used before it was ready');
    return this.#base;
  }

  /** The version of the hierarchy, and the unit: what `doctor` shows of where groups go. Starts nothing. */
  get plannedBase(): CgroupBase {
    return this.#base ?? chooseBase(this.layout, this.#facts);
  }

  /** Why a controller cannot be used, or null. Does not start anything. */
  refusal(controller: string): Refusal | null {
    return refusalOf(this.layout, this.plannedBase, this.#facts, controller);
  }

  /** Can a process of this user be made a member of a v2 group under the base? */
  get joinsV2(): boolean {
    const v2 = this.layout.v2;
    if (v2 === null || v2.readOnly) return false;
    if (this.uid === 0 || this.base.unit !== null) return true;
    const writable = this.#facts.writable(v2.mountPoint + this.base.path);
    return writable && `${v2.self}/`.startsWith(`${this.base.path}/`);
  }

  /** As `uname -r` says it. */
  get kernelRelease(): string {
    return readKernelFile(`${this.paths.proc}/sys/kernel/osrelease`) ?? '';
  }

  /** 1 or 2: the version whose files hold this controller's limits; null where there is none. */
  versionOf(controller: string): 1 | 2 | null {
    return hierarchyOf(this.layout, controller)?.version ?? null;
  }

  get memoryBytes(): number {
    return this.#memory('MemTotal');
  }

  get swapBytes(): number {
    return this.#memory('SwapTotal');
  }

  /** CPU numbers that are online. */
  get cpus(): number[] {
    return parseCpuList(readKernelFile(`${this.paths.sys}/devices/system/cpu/online`) ?? '0');
  }

  #memory(key: string): number {
    this.#meminfo ??= parseMeminfo(readKernelFile(`${this.paths.proc}/meminfo`) ?? '');
    return this.#meminfo.get(key) ?? 0;
  }

  get #facts(): BaseFacts {
    return {
      uid: this.uid,
      override: this.#override,
      delegated: this.uid === 0 ? null : delegatedControllers(this.layout, this.uid),
      systemd: (this.#systemd ??= existsSync('/run/systemd/system')),
      writable: (dir) => mayWrite(`${dir}/cgroup.procs`) && mayWrite(dir),
    };
  }
}

/** file-hierarchy(7): run-time state in /run, or in the user's run-time directory. */
function stateFolders(uid: number, caller: Caller): { state: string; log: string } {
  const { env } = caller;
  const moved = caller.path(env['COMPART_STATE'] ?? '');
  if (moved) return { state: moved, log: `${moved}/log` };
  if (uid === 0) return { state: '/run/compart', log: '/var/log/compart' };
  const runtime = runtimeFolder(uid, env);
  const state = env['XDG_STATE_HOME'] ?? (env['HOME'] ? `${env['HOME']}/.local/state` : runtime);
  return { state: `${runtime}/compart`, log: `${state}/compart/log` };
}

/** The one that systemd keeps for the user, also where cron, su or sudo do not name it: names are one user's, not one shell's. */
function runtimeFolder(uid: number, env: Readonly<NodeJS.ProcessEnv>): string {
  const kept = `/run/user/${uid}`;
  const there = (): boolean => statSync(kept, { throwIfNoEntry: false })?.uid === uid;
  return env['XDG_RUNTIME_DIR'] || (there() ? kept : `/tmp/compart-${uid}`);
}

/** As root one folder a network namespace, whoever asks: its links, rules and settings are everybody's. */
function networkFolder(uid: number, caller: Caller): string {
  if (uid !== 0) return `${stateFolders(uid, caller).state}/network`;
  return `/run/compart/network/${statSync('/proc/self/ns/net').ino}`;
}

const foundNative = new Map<NativeProgram, string>();

/** A program of native/, looked for once. */
function nativeFile(program: NativeProgram): string {
  const known = foundNative.get(program);
  if (known !== undefined) return known;
  const path = findNative(program);
  foundNative.set(program, path);
  return path;
}

/** Beside the bundle when installed, in the source tree when the library runs from there. */
function findNative(program: NativeProgram): string {
  const name = program === 'front' ? 'compart' : `compart-${program}`;
  const folders = ['../', '../../', '../../../'].map((up) =>
    fileURLToPath(new URL(`${up}native`, import.meta.url)),
  );
  const builds = ['build', `linux-${process.arch}`];
  const places = folders.flatMap((folder) => builds.map((build) => `${folder}/${build}/${name}`));
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const source = folders.find((folder) => existsSync(`${folder}/Makefile`)) ?? folders[0] ?? '';
  return `${source}/build/${name}`;
}
