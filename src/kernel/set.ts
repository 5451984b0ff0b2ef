import { usageError } from '../shared/errors.js';
import { formatSize } from '../shared/units/size.js';
import type { Compartment } from '../compartments/compartment.js';
import { readChange } from '../compartments/control.js';
import type { Limits, LimitTexts } from '../compartments/limits.js';
import type { Host } from '../host/host.js';
import { updateLimits } from '../compartments/update.js';
import { controlGuest } from './agent/control.js';
import { LEAST_RAM_BYTES, overheadBytes } from './memory.js';
import { refuseTasks } from './tasks.js';

const MIB = 2 ** 20;

/**
 * Changes limits of what runs, a guest or not, from texts as the flags of `compart set` take them.
 * @throws ERR_COMPART_USAGE naming the flag, and whatever {@link updateLimits} does
 */
export async function setLimits(host: Host, name: string, texts: LimitTexts): Promise<Compartment> {
  const { compartment, limits } = await readChange(host, name, texts);
  return compartment.record.kind === 'guest'
    ? setGuest(compartment, limits)
    : updateLimits(compartment, limits);
}

/**
 * Changes limits of a guest that runs: RAM by the balloon that its kernel offers (mconsole), everything else as of any
 * compartment. What the guest gives back goes to the host before the host's own limit is lowered, and the other way
 * round.
 * @throws ERR_COMPART_USAGE for what a running guest cannot change, and whatever {@link updateLimits} does
 */
async function setGuest(compartment: Compartment, limits: Limits): Promise<Compartment> {
  refuseTasks(limits);
  const { vm, ...others } = limits;
  if (vm?.swapLimitBytes !== undefined)
    throw usageError('--swap: the swap of a guest that runs cannot be changed', 'boot it anew with more');
  const after = Object.keys(others).length === 0 ? compartment : await updateLimits(compartment, others);
  return vm?.limitBytes === undefined ? after : setMemory(after, vm.limitBytes);
}

async function setMemory(compartment: Compartment, asked: number | null): Promise<Compartment> {
  const booted = compartment.record.guest?.memoryBytes ?? 0;
  if (asked === null || asked > booted)
    throw usageError(
      `--mem: the guest has booted with ${formatSize(booted)} of RAM and cannot have more`,
      'boot it anew with more',
    );
  if (asked < LEAST_RAM_BYTES)
    throw usageError(
      `--mem: ${formatSize(asked)} is less than a kernel can run in`,
      `at least ${formatSize(LEAST_RAM_BYTES)}`,
    );
  const ramBytes = Math.ceil(asked / MIB) * MIB;
  const hold = (): Promise<Compartment> =>
    updateLimits(compartment, { vm: { limitBytes: ramBytes + overheadBytes(booted) } });
  const inForce = Number((await controlGuest(compartment, 'status')).get('ram_bytes') ?? booted);
  if (ramBytes > inForce) {
    const held = await hold();
    await controlGuest(compartment, 'memory', { bytes: ramBytes });
    return held;
  }
  await controlGuest(compartment, 'memory', { bytes: ramBytes });
  return hold();
}
