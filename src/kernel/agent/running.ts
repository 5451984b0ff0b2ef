import { CompartError, usageError } from '../../shared/errors.js';
import type { Compartment } from '../../compartments/compartment.js';
import { isAlive } from '../../host/proc/identity.js';

/** @throws ERR_COMPART_USAGE for what is no guest, ERR_COMPART_NOT_FOUND for a guest whose kernel does not run */
export function requireRunning({ host, record }: Compartment): void {
  if (record.kind !== 'guest')
    throw usageError(
      `"${record.name}" is no guest`,
      'compart boot makes one; compart exec runs a command in either',
    );
  if (record.main !== null && isAlive(host.paths.proc, record.main)) return;
  throw new CompartError('ERR_COMPART_NOT_FOUND', `the guest "${record.name}" does not run`, {
    hint: 'compart history says how it ended',
  });
}
