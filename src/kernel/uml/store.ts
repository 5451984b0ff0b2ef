import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompartError, errnoOf, systemReason } from '../../shared/errors.js';
import { formatIdentity, isAlive, parseIdentity, selfIdentity } from '../../host/proc/identity.js';
import { makeDirs } from '../../state/json.js';
import type { BuildRecord } from './installed.js';
import type { Workshop } from './workshop.js';

/** Kernels are for everybody to boot; the umask has no say in it. */
const FOLDER_MODE = 0o755;
const PROGRAM_MODE = 0o755;
const RECORD_MODE = 0o644;

/**
 * Puts a kernel among those that are installed, stripped, as `VERSION-HASH/linux` with kernel.json beside it. It is
 * there whole or not at all: both files are written in a hidden folder, which is then renamed.
 * @returns the path of the kernel, @throws ERR_COMPART_BUILD where that cannot be written
 */
export async function installKernel(
  linux: string,
  target: string,
  record: Omit<BuildRecord, 'sizeBytes'>,
  shop: Workshop,
  proc: string,
): Promise<string> {
  const name = `${record.version}-${record.hash}`;
  const staged = join(target, `.${name}.${formatIdentity(selfIdentity(proc))}`);
  try {
    prepareFolder(target, proc);
    mkdirSync(staged);
    chmodSync(staged, FOLDER_MODE);
    const program = join(staged, 'linux');
    await shop.run('strip', ['-o', program, linux]);
    chmodSync(program, PROGRAM_MODE);
    const whole: BuildRecord = { ...record, sizeBytes: statSync(program).size };
    const file = join(staged, 'kernel.json');
    writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`);
    chmodSync(file, RECORD_MODE);
    replaceFolder(staged, join(target, name));
    return join(target, name, 'linux');
  } catch (error) {
    rmSync(staged, { recursive: true, force: true });
    if (error instanceof CompartError || errnoOf(error) === null) throw error;
    throw cannotInstall(target, error);
  }
}

function cannotInstall(target: string, error: unknown): CompartError {
  return new CompartError('ERR_COMPART_BUILD', `cannot install in ${target}: ${systemReason(error)}`, {
    cause: error,
    hint: 'COMPART_KERNELS names another place for kernels',
  });
}

/**
 * Makes the folder of kernels, and sees that it can be written before anything is built for it; what installations that
 * are dead have left goes.
 * @throws ERR_COMPART_BUILD
 */
export function prepareFolder(target: string, proc: string): void {
  try {
    makeDirs(target, FOLDER_MODE);
    for (const name of readdirSync(target)) {
      const owner = name.startsWith('.') ? parseIdentity(name.slice(name.lastIndexOf('.') + 1)) : null;
      if (owner !== null && !isAlive(proc, owner))
        rmSync(join(target, name), { recursive: true, force: true });
    }
    const probe = join(target, `.probe.${formatIdentity(selfIdentity(proc))}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    if (error instanceof CompartError) throw error;
    throw cannotInstall(target, error);
  }
}

/** rename(2) replaces no folder that has files: the old one steps aside. Guests that run it keep their file. */
function replaceFolder(from: string, to: string): void {
  const aside = from.replace(/\.(\w+)$/, '.old.$1');
  if (statSync(to, { throwIfNoEntry: false }) !== undefined) renameSync(to, aside);
  renameSync(from, to);
  rmSync(aside, { recursive: true, force: true });
}
