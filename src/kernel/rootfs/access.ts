import { accessSync, constants, statSync } from 'node:fs';
import { usageError } from '../../shared/errors.js';

/** What mode bits allow a user, of a folder to go through it too; root without capabilities is a user like any other. Pure. */
export function modeAllows(
  file: { uid: number; gid: number; mode: number },
  writes: boolean,
  who: { uid: number; groups: readonly number[] },
): boolean {
  const isFolder = (file.mode & constants.S_IFMT) === constants.S_IFDIR;
  const wanted = (writes ? 0o6 : 0o4) | (isFolder ? 0o1 : 0);
  const shift = file.uid === who.uid ? 6 : who.groups.includes(file.gid) ? 3 : 0;
  return ((file.mode >> shift) & wanted) === wanted;
}

/** Could a process of this user that has no capability, as the kernel of a guest, open the file, or use the folder? */
function mayOpen(path: string, writes: boolean): boolean {
  const uid = process.geteuid?.() ?? 0;
  const stat = statSync(path);
  // access(2) allows root what only its capabilities do.
  if (uid === 0) return modeAllows(stat, writes, { uid, groups: process.getgroups?.() ?? [] });
  try {
    const wanted = constants.R_OK | (writes ? constants.W_OK : 0) | (stat.isDirectory() ? constants.X_OK : 0);
    accessSync(path, wanted);
    return true;
  } catch {
    return false;
  }
}

/**
 * Refuses a file or a folder that the kernel of a guest could not open: one that it cannot write it would take read-only, and say
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
