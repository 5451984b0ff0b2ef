import { usageError } from '../shared/errors.js';
import type { Limits } from '../compartments/limits.js';
import type { Compartment } from '../compartments/compartment.js';
import { startDetached, startRun, type Run, type RunRequest } from '../compartments/run.js';
import type { Host } from '../host/host.js';
import type { GuestRecord } from '../state/record.js';
import { chooseKernel, pinnedGuests } from './choose.js';
import { chooseCpu } from './cpu.js';
import { furnishing } from './furnish.js';
import type { GuestKernel, Kernel } from './guest-kernel.js';
import { guestMemory, type GuestMemory } from './memory.js';
import { formatDisk, type Disk } from './rootfs/disks.js';
import { formatMount } from './rootfs/mounts.js';
import { swapFile } from './rootfs/swap.js';
import type { GuestSpec } from './spec.js';
import { guestTasks } from './tasks.js';
import { uml } from './uml/uml.js';

/** A guest to boot, and the command to run in it; without words it runs until it is stopped. */
export interface GuestRequest {
  run: Omit<RunRequest, 'stdio' | 'guest'>;
  guest: GuestSpec;
}

/** All that a guest is made of, decided before anything is made. */
export interface GuestPlan {
  /** What kind of kernel it has, and which. */
  by: GuestKernel;
  kernel: Kernel;
  memory: GuestMemory;
  tasks: number | null;
  spec: GuestSpec;
  /** Disks asked for, the image that is the root before them and the swap behind them. */
  disks: Disk[];
  rootDevice: string | null;
  swapDevice: string | null;
  cpu: number | null;
}

function refuseHostStack({ run }: GuestRequest): void {
  if (run.spec.limits['net'] !== 'host') return;
  throw usageError(
    "--net: host: a guest has a kernel of its own and cannot use the host's stack",
    'give it one: --net max',
  );
}

/**
 * The limits that the host holds a guest to. @throws ERR_COMPART_USAGE for what no guest can have
 */
export function limitsOnHost(host: Host, request: GuestRequest): Limits {
  refuseHostStack(request);
  return guestMemory(host, guestTasks(request.run.limits).limits).limits;
}

/** Decides all of it; makes nothing. @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED */
export function planGuest(host: Host, { run, guest }: GuestRequest): GuestPlan {
  refuseHostStack({ run, guest });
  const { tasks, limits } = guestTasks(run.limits);
  const memory = guestMemory(host, limits);
  const { root } = guest;
  const { path: file, isDevice } = root;
  const image: Disk[] =
    root.kind === 'image' ? [{ file, cow: null, readOnly: root.write === 'memory', isDevice }] : [];
  const disks = [...image, ...guest.disks];
  return {
    by: uml,
    kernel: chooseKernel(uml, host, guest.kernel),
    memory,
    tasks,
    spec: guest,
    disks,
    rootDevice: image.length > 0 ? uml.device(0) : null,
    swapDevice: memory.swapBytes > 0 ? uml.device(disks.length) : null,
    cpu: chooseCpu(host, run.limits.sched?.cpus ?? null, pinnedGuests(host)),
  };
}

function recordOf(host: Host, { kernel, memory, tasks, spec, cpu }: GuestPlan, name: string): GuestRecord {
  return {
    kernel: kernel.path,
    release: kernel.version,
    origin: kernel.origin,
    memoryBytes: memory.ramBytes,
    swapBytes: memory.swapBytes,
    tasks,
    cpu,
    root:
      spec.root.kind === 'host' ? 'host' : `${spec.root.path}${spec.root.write === 'through' ? ':rw' : ''}`,
    mounts: spec.mounts.map(formatMount),
    disks: spec.disks.map(formatDisk),
    init: spec.init,
    files: memory.swapBytes > 0 ? [swapFile(host, name)] : [],
  };
}

/** A guest has every subsystem that a command has, with the limits that its kernel as a whole is held to. */
export function requestFor(host: Host, request: GuestRequest, plan: GuestPlan): Omit<RunRequest, 'stdio'> {
  const { run } = request;
  return { ...run, limits: plan.memory.limits, guest: recordOf(host, plan, run.name) };
}

/**
 * Boots a guest in the foreground: its command has the caller's stdin, stdout and stderr, and the guest powers off
 * when the command ends.
 * @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED and whatever {@link startRun} does; nothing is left
 */
export async function bootGuest(
  host: Host,
  request: GuestRequest,
  stdio: RunRequest['stdio'] = ['inherit', 'inherit', 'inherit'],
): Promise<Run> {
  const plan = planGuest(host, request);
  return startRun(host, { ...requestFor(host, request, plan), stdio }, furnishing(plan));
}

/** Boots a guest that outlives the caller, as {@link startDetached} does with a command. */
export async function bootDetached(
  host: Host,
  request: GuestRequest,
  supervisor: readonly string[],
): Promise<Compartment> {
  const plan = planGuest(host, request);
  return startDetached(host, requestFor(host, request, plan), supervisor, furnishing(plan));
}
