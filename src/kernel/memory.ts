import { usageError } from '../shared/errors.js';
import { formatSize } from '../shared/units/size.js';
import type { Limits } from '../compartments/limits.js';
import type { Host } from '../host/host.js';

const MIB = 2 ** 20;
/** Less than this and the kernel has no room for a process. */
export const LEAST_RAM_BYTES = 32 * MIB;
const DEFAULT_RAM_BYTES = 1024 * MIB;

/** RAM of a guest that names none: it takes only what it touches. */
const defaultRam = (host: Host): number =>
  Math.min(DEFAULT_RAM_BYTES, Math.floor(host.memoryBytes / 2 / MIB) * MIB);

/**
 * What a guest may take of the host besides its RAM: the keeper, the pages of the kernel's own process, and for each
 * process of the guest a process of the host, whose stack and page tables are 120 KiB of the host's kernel memory
 * (docs/guests.md). A quarter of the RAM is one process for every half a MiB; who wants more gives the guest more RAM.
 */
export const overheadBytes = (ramBytes: number): number => 24 * MIB + Math.ceil(ramBytes / 4);

/** Memory of a guest: what it sees, and what the host holds it to. */
export interface GuestMemory {
  ramBytes: number;
  swapBytes: number;
  /** The limits of its group on the host. */
  limits: Limits;
}

/**
 * Splits `--mem`, which is RAM of the guest, and `--swap`, which is its own, from what the host enforces.
 * @throws ERR_COMPART_USAGE
 */
export function guestMemory(host: Host, limits: Limits): GuestMemory {
  const { limitBytes, swapLimitBytes, highBytes } = limits.vm ?? {};
  if (limitBytes === null)
    throw usageError('--mem: max is no size for the RAM of a guest', 'give one, as in --mem 512M');
  if (swapLimitBytes === null)
    throw usageError('--swap: max is no size for the swap of a guest', 'give one, as in --swap 256M');
  const asked = limitBytes ?? defaultRam(host);
  const ramBytes = Math.ceil(asked / MIB) * MIB;
  if (ramBytes < LEAST_RAM_BYTES)
    throw usageError(
      `--mem: ${formatSize(asked)} is less than a kernel can start in`,
      `at least ${formatSize(LEAST_RAM_BYTES)}`,
    );
  if (ramBytes > host.memoryBytes)
    throw usageError(
      `--mem: ${formatSize(asked)} is more than this host has`,
      `at most ${formatSize(host.memoryBytes)}`,
    );
  const charge = ramBytes + overheadBytes(ramBytes);
  const vm = { limitBytes: charge, ...(highBytes === undefined ? {} : { highBytes }) };
  return { ramBytes, swapBytes: swapLimitBytes ?? 0, limits: { ...limits, vm } };
}
