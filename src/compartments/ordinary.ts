import { CompartError } from '../shared/errors.js';
import type { Compartment } from './compartment.js';

/**
 * Refuses for a guest what only the processes of the host's own kernel can have done to them.
 * @throws ERR_COMPART_UNSUPPORTED
 */
export function requireOrdinary({ record }: Pick<Compartment, 'record'>, action: string): void {
  if (record.kind === 'compartment') return;
  throw new CompartError(
    'ERR_COMPART_UNSUPPORTED',
    `"${record.name}" is a guest, with a kernel of its own: ${action}`,
    { hint: `compart exec ${record.name} -- CMD starts a command in it; compart set changes its limits` },
  );
}
