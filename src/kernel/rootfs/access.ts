import { accessSync, constants, statSync } from 'node:fs';
import { usageError } from '../../shared/errors.js';

/** What mode bits allow a user; root without capabilities is a user like any other. Pure. */
export function modeAllows(
  file: { uid: number; gid: number; mode: number },
  writes: boolean,
  who: { uid: number; groups: readonly number[] },
): boolean {
  const wanted = writes ? 0o6 : 0o4;
  const shift = file.uid === who.uid ? 6 : who.groups.includes(file.gid) ? 3 : 0;
  return ((file.mode >> shift) & wanted) === wanted;
}

/** Could a process of this user that has no capability, as the kernel of a guest, open the file? */
function mayOpen(path: string, writes: boolean): boolean {
  const uid = process.geteuid?.() ?? 0;
  // access(2) allows root what only its capabilities do.
  if (uid === 0) return modeAllows(statSync(path), writes, { uid, groups: process.getgroups?.() ?? [] });
  try {
    accessSync(path, writes ? constants.R_OK | constants.W_OK : constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Refuses a file that the kernel of a guest could not open: one that it cannot write it would take read-only, and say
 * so to nobody.
 * @throws ERR_COMPART_USAGE
 */
export function requireOpen(flag: string, path: string, writes: boolean): void {
  if (mayOpen(path, writes)) return;
  throw usageError(
    `${flag}: "${path}" cannot be ${writes ? 'written' : 'read'} by the kernel of a guest, which has the rights of a plain user`,
    writes ? ':ro leaves it as it is; chmod and chown give that right' : 'chmod and chown give that right',
  );
}
