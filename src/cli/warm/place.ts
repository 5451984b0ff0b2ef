import { usageError } from '../../shared/errors.js';
import type { Host } from '../../host/host.js';

/** unix(7): what a path of a socket may have, its NUL left out. */
const MOST_BYTES = 107;
/** The service binds `PATH.PID` and renames it. */
const SUFFIX_BYTES = 11;

/**
 * Where the service of a state folder listens (native/warm.c has the same).
 * @throws ERR_COMPART_USAGE if the folder's path is too long for it
 */
export function socketPath({ paths }: Host): string {
  const path = `${paths.state}/warm.sock`;
  if (Buffer.byteLength(path) + SUFFIX_BYTES <= MOST_BYTES) return path;
  throw usageError(`${path} is too long for a socket`, 'COMPART_STATE names a folder with a shorter path');
}
