import { closeSync, ftruncateSync, openSync, readSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { errnoOf, usageError } from '../../shared/errors.js';
import { stateError } from '../../state/json.js';

/** struct cow_header_v3 (arch/um/drivers/cow_user.c), big endian. */
const MAGIC = 0x4f4f4f4d;
const VERSION = 3;
const SECTOR = 512;
const ALIGNMENT = 4096;
const PATH_BYTES = 4096;
const FIXED_BYTES = 32;

/** What stands before the bitmap of a copy-on-write file. Pure. */
export function cowHeader(base: { path: string; mtimeSeconds: number; sizeBytes: number }): Buffer {
  const header = Buffer.alloc(FIXED_BYTES + PATH_BYTES);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(VERSION, 4);
  header.writeUInt32BE(base.mtimeSeconds, 8);
  header.writeBigUInt64BE(BigInt(base.sizeBytes), 12);
  header.writeUInt32BE(SECTOR, 20);
  header.writeUInt32BE(ALIGNMENT, 24);
  header.write(base.path, FIXED_BYTES, PATH_BYTES - 1, 'utf8');
  return header;
}

const roundUp = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** How long a fresh one is: header, bitmap of a bit a sector, and a hole as large as the disk behind. Pure. */
export function cowBytes(sizeBytes: number): number {
  const bitmap = Math.ceil(Math.ceil(sizeBytes / SECTOR) / 8);
  return roundUp(roundUp(FIXED_BYTES + PATH_BYTES) + bitmap) + sizeBytes;
}

const seconds = (mtimeMs: number): number => Math.floor(mtimeMs / 1000);

/** {@link GuestKernel.layCow}, mode 0600. The kernel would make it as well, but in a folder that it could then write to. */
export function layCow(cow: string, file: string, at: string): void {
  let fd: number;
  try {
    fd = openSync(cow, 'wx', 0o600);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return checkCow(cow, file);
    throw stateError('make', cow, error);
  }
  try {
    const { size, mtimeMs } = statSync(file);
    writeSync(fd, cowHeader({ path: at, mtimeSeconds: seconds(mtimeMs), sizeBytes: size }));
    ftruncateSync(fd, cowBytes(size));
  } catch (error) {
    unlinkSync(cow);
    throw stateError('write', cow, error);
  } finally {
    closeSync(fd);
  }
}

function readHeader(cow: string): Buffer {
  const header = Buffer.alloc(FIXED_BYTES);
  try {
    const fd = openSync(cow, 'r');
    try {
      readSync(fd, header, 0, FIXED_BYTES, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw stateError('read', cow, error);
  }
  return header;
}

/** The kernel makes the same test, and panics. */
function checkCow(cow: string, file: string): void {
  const header = readHeader(cow);
  if (header.readUInt32BE(0) !== MAGIC || header.readUInt32BE(4) !== VERSION)
    throw usageError(
      `--disk: "${cow}" is no copy-on-write file of a kernel`,
      'name a file that is not there yet',
    );
  const { size, mtimeMs } = statSync(file);
  if (header.readBigUInt64BE(12) === BigInt(size) && header.readUInt32BE(8) === seconds(mtimeMs)) return;
  throw usageError(
    `--disk: "${cow}" does not stand on "${file}" as it is now: size or time of change differ`,
    'what it holds is of use with the file as it was only; name a file that is not there yet',
  );
}
