import { CompartError } from '../shared/errors.js';
import type { Compartment } from './compartment.js';
import { loadedKinds, loadedOf } from './readings.js';
import { SUBSYSTEMS } from './subsystems.js';

/** What somebody took away of what a compartment had loaded, by kind. */
export function faultsOf(compartment: Compartment): Array<{ kind: string; fault: string }> {
  return loadedKinds(compartment).flatMap((kind) => {
    const loaded = loadedOf(compartment, kind);
    const fault = loaded && SUBSYSTEMS[kind].fault?.(compartment.host, loaded);
    return fault ? [{ kind, fault }] : [];
  });
}

/** Lets no command in where it would not be held. @throws ERR_COMPART_KERNEL naming what is missing */
export function requireIntact(compartment: Compartment): void {
  const [first] = faultsOf(compartment);
  if (first === undefined) return;
  const { name } = compartment.record;
  throw new CompartError('ERR_COMPART_KERNEL', `"${name}" is not held any more: ${first.fault}`, {
    hint: `compart gc mends what can be mended; compart rm --force ${name} removes it`,
  });
}
