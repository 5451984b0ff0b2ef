import { CompartError } from '../shared/errors.js';
import type { Compartment } from './compartment.js';
import { loadedKinds, loadedOf } from './readings.js';
import { SUBSYSTEMS } from './subsystems.js';

/** Lets no command in where it would not be held. @throws ERR_COMPART_KERNEL naming what somebody took away */
export function requireIntact(compartment: Compartment): void {
  const { host, record } = compartment;
  for (const kind of loadedKinds(compartment)) {
    const loaded = loadedOf(compartment, kind);
    const fault = loaded && SUBSYSTEMS[kind].fault?.(host, loaded);
    if (!fault) continue;
    throw new CompartError('ERR_COMPART_KERNEL', `"${record.name}" is not held any more: ${fault}`, {
      hint: `compart gc mends what can be mended; compart rm --force ${record.name} removes it`,
    });
  }
}
