import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import type { Compartment } from '../compartments/compartment.js';
import type { CommandRequest } from '../compartments/launch.js';
import { addTap, type Tap } from '../compartments/net/tap.js';
import { loadedOf } from '../compartments/readings.js';
import type { Furnish } from '../compartments/run.js';
import type { Host } from '../host/host.js';
import { readKernelFile } from '../host/kernfs.js';
import { stateError } from '../state/json.js';
import { bootWords } from './agent/words.js';
import { encodeBoot } from './boot.js';
import { encodeConfig } from './config.js';
import type { GuestPlan } from './guest.js';
import { placed, type PlacedDisk } from './rootfs/disks.js';
import { pseudoMounts } from './rootfs/pseudo.js';
import { diskFolder, makeSwap } from './rootfs/swap.js';
import { PRELOAD_AT, viewSteps, type ViewStep } from './rootfs/view.js';

/** Modules that Debian's kernel has not built in. */
const MODULES = ['overlay'];
const MODULES_OF_IMAGES = ['squashfs', 'erofs'];
const IPV6 = 'ipv6';
/** What random(4) wants to be seeded with. */
const SEED_BYTES = 32;

function modulesOf({ by, kernel, spec }: GuestPlan, tap: Tap | null): string[] {
  return by.modules(kernel, [
    ...MODULES,
    ...(spec.root.kind === 'image' ? MODULES_OF_IMAGES : []),
    ...(tap === null ? [] : [IPV6]),
  ]);
}

function disksOf({ by, disks, memory, swapDevice }: GuestPlan, swap: string | undefined): PlacedDisk[] {
  const all =
    swapDevice === null || swap === undefined
      ? disks
      : [...disks, { file: swap, cow: null, readOnly: false, isDevice: false }];
  const disksThere = placed(all);
  if (swap !== undefined && swapDevice !== null) makeSwap(swap, memory.swapBytes);
  for (const { cow, file, at } of disksThere) if (cow !== null) by.layCow(cow, file, at);
  return disksThere;
}

/** Folders of compart's and of the kernel, which no copy of the host's root shows. */
export function ownFolders(host: Host): string[] {
  return [
    ...[host.paths.state, host.paths.log, diskFolder(host)].filter((path) => existsSync(path)),
    ...pseudoMounts(readKernelFile(`${host.paths.proc}/self/mountinfo`) ?? ''),
  ];
}

function viewOf(
  host: Host,
  plan: GuestPlan,
  workdir: string,
  preload: string | null,
  disks: readonly PlacedDisk[],
  modules: readonly string[],
): ViewStep[] {
  const { by, spec, kernel } = plan;
  return viewSteps({
    root: spec.root,
    mounts: spec.mounts,
    disks,
    hide: spec.hide,
    workdir,
    own: ownFolders(host),
    kernel: kernel.path,
    libraries: by.libraries(kernel),
    preload,
    init: host.paths.native('init'),
    modules,
  });
}

/** Where the command runs, as the kernel names it: what is to be seen there is mounted, and no link may lead to it. */
export function workdirOf({ caller }: Host, { workdir }: Pick<CommandRequest, 'workdir'>): string {
  const path = workdir ?? caller.cwd;
  try {
    return realpathSync(caller.path(path));
  } catch {
    // Of the guest alone: who makes it inside can be in it.
    return caller.resolve(path);
  }
}

/** Readable for the kernel of the guest, which runs as the caller. */
function writePrivate(path: string, bytes: Buffer): string {
  try {
    writeFileSync(path, bytes, { mode: 0o600 });
    return path;
  } catch (error) {
    throw stateError('write', path, error);
  }
}

function tapOf({ host, store, record }: Compartment): Tap | null {
  const loaded = loadedOf({ host, store, record }, 'net');
  return loaded === null ? null : addTap(host, loaded);
}

function configFor(host: Host, plan: GuestPlan, name: string, tap: Tap | null, modules: number): Buffer {
  const { spec } = plan;
  return encodeConfig({
    hostname: name,
    modules,
    root: spec.root,
    rootDevice: plan.rootDevice,
    mounts: spec.mounts,
    swapDevice: plan.swapDevice,
    link: tap,
    hosts: tap?.hosts ?? null,
    resolver: tap?.resolver ?? null,
    seed: randomBytes(SEED_BYTES),
    init: spec.init,
    tasks: plan.tasks,
    nosuid: spec.root.kind !== 'image' && host.uid !== 0,
    shell: spec.init === null ? '/bin/sh' : null,
  });
}

/** Makes what a guest needs of the host, in a compartment that is loaded; its command is the keeper then. */
export function furnishing(plan: GuestPlan): Furnish {
  return (compartment: Compartment, command: CommandRequest): CommandRequest => {
    const { host, store, record } = compartment;
    const workdir = workdirOf(host, command);
    const folder = store.folder(record.name);
    const tap = tapOf(compartment);
    const modules = modulesOf(plan, tap);
    const disks = disksOf(plan, record.guest?.files[0]);
    const config = writePrivate(
      `${folder}/guest.config`,
      configFor(host, plan, record.name, tap, modules.length),
    );
    const preload = plan.by.preload(plan.kernel, host);
    const boot = encodeBoot({
      folder,
      memoryBytes: plan.memory.ramBytes,
      cpu: plan.cpu,
      tap: tap?.device ?? null,
      config,
      preload: preload === null ? null : PRELOAD_AT,
      words: plan.by.words({
        kernel: plan.kernel,
        memoryBytes: plan.memory.ramBytes,
        cpuinfo: readKernelFile(`${host.paths.proc}/cpuinfo`) ?? '',
        disks,
      }),
      steps: viewOf(host, plan, workdir, preload, disks, modules),
    });
    const file = writePrivate(`${folder}/guest.boot`, boot);
    const ownRoot = plan.spec.root.kind !== 'host';
    return {
      ...command,
      argv: bootWords(host, {
        ...command,
        ...(ownRoot ? {} : { workdir }),
        file,
        ownRoot,
      }),
      env: {},
      workdir: null,
      user: null,
    };
  };
}
