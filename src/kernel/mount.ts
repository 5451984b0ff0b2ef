import { statSync } from 'node:fs';
import type { Compartment } from '../compartments/compartment.js';
import { isFrozen } from '../host/cgroup/freeze.js';
import { CompartError, usageError } from '../shared/errors.js';
import { controlGuest } from './agent/control.js';
import { requireOpen } from './rootfs/access.js';
import { resolveMount, resolveTarget, type MountTexts } from './rootfs/mounts.js';

/**
 * Shows a guest that runs a folder or a file of the host, until it is unmounted or the guest ends. What the guest's kernel,
 * which has the rights of a plain user, could not read is refused; what is there by the path may not change meanwhile.
 * @throws ERR_COMPART_USAGE for what cannot be mounted, ERR_COMPART_BUSY for a place where something is mounted and in
 * the words of keeper, kernel or guest, ERR_COMPART_NOT_FOUND for a guest that does not run
 */
export async function mountInGuest(compartment: Compartment, texts: MountTexts): Promise<void> {
  const { source, target, readOnly } = resolveMount(texts, compartment.host.caller);
  const stat = statSync(source, { bigint: true });
  if (!stat.isDirectory() && !stat.isFile())
    throw usageError(`--mount: "${source}" is neither a folder nor a file`);
  requireOpen('--mount', source, false);
  requireAwake(compartment);
  await controlGuest(compartment, 'mount', {
    from: source,
    at: target,
    mode: readOnly ? 'ro' : 'rw',
    dev: stat.dev,
    ino: stat.ino,
  });
}

/**
 * Takes away what {@link mountInGuest} made; with `force` also where it is in use inside, which then finds nothing any more
 * but what it has open.
 * @throws ERR_COMPART_BUSY where nothing was mounted there so, or where it is in use
 */
export async function unmountInGuest(
  compartment: Compartment,
  target: string,
  force: boolean,
): Promise<void> {
  const at = resolveTarget('--unmount', target);
  requireAwake(compartment);
  await controlGuest(compartment, 'unmount', { at, force: force ? 1 : 0 });
}

/** Its answer would come when it thaws. */
function requireAwake({ record }: Compartment): void {
  if (!isFrozen(record.group)) return;
  throw new CompartError('ERR_COMPART_BUSY', `the guest "${record.name}" is frozen`, {
    hint: `compart thaw ${record.name}`,
  });
}
