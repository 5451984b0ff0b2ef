import { statSync } from 'node:fs';
import { errnoOf, systemReason, usageError } from '../shared/errors.js';
import { Caller } from './caller.js';
import { readKernelFile } from './kernfs.js';

/** Linux dev_t to `MAJOR:MINOR` (makedev(3)). */
function deviceNumber(dev: number): { major: number; minor: number } {
  const big = BigInt(dev);
  const major = Number(((big >> 8n) & 0xfffn) | ((big >> 32n) & 0xfffff000n));
  const minor = Number((big & 0xffn) | ((big >> 12n) & 0xffffff00n));
  return { major, minor };
}

/** Limits act on whole disks: the disk of a partition, the device itself otherwise. */
function wholeDisk(sys: string, device: string): string {
  const dir = `${sys}/dev/block/${device}`;
  if (readKernelFile(`${dir}/partition`) === null) return device;
  return readKernelFile(`${dir}/../dev`) ?? device;
}

/**
 * The block device under a directory, as `MAJOR:MINOR` of the whole disk.
 * @throws ERR_COMPART_USAGE where the file system has none of its own (tmpfs, overlay, NFS, btrfs)
 */
export function deviceUnder(sys: string, dir: string, caller = new Caller()): string {
  const { major, minor } = deviceNumber(deviceOf(dir, caller));
  if (major === 0 || readKernelFile(`${sys}/dev/block/${major}:${minor}/dev`) === null) {
    throw usageError(`there is no block device under ${dir}`, 'name one, as in --io-write /dev/sda=10MB/s');
  }
  return wholeDisk(sys, `${major}:${minor}`);
}

function deviceOf(dir: string, caller: Caller): number {
  try {
    return statSync(caller.path(dir)).dev;
  } catch (error) {
    throw usageError(
      `there is no device under ${dir}: ${systemReason(error)}`,
      'give a --workdir that exists, or name the device: --io-write /dev/sda=10MB/s',
    );
  }
}

/**
 * Resolves a device node or `MAJOR:MINOR` to `MAJOR:MINOR` of the whole disk.
 * @throws ERR_COMPART_USAGE if it is not a block device of this host
 */
export function resolveDevice(sys: string, text: string, caller = new Caller()): string {
  if (/^\d+:\d+$/.test(text)) {
    if (readKernelFile(`${sys}/dev/block/${text}/dev`) === null)
      throw usageError(`this host has no block device ${text}`, 'lsblk lists those of this host');
    return wholeDisk(sys, text);
  }
  try {
    const stat = statSync(caller.path(text));
    if (!stat.isBlockDevice())
      throw usageError(`${text} is not a block device`, 'lsblk lists those of this host');
    const { major, minor } = deviceNumber(stat.rdev);
    return wholeDisk(sys, `${major}:${minor}`);
  } catch (error) {
    if (errnoOf(error)?.startsWith('ERR_')) throw error;
    throw usageError(
      `cannot use "${text}" as a device: ${systemReason(error)}`,
      'lsblk lists those of this host',
    );
  }
}
