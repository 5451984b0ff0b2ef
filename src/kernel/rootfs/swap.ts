import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Host } from '../../host/host.js';
import { makePrivateDir, stateError } from '../../state/json.js';

/** Where files for guests are that must be on a disk, unlike the state folder: /var/tmp (file-hierarchy(7)). */
export const diskFolder = (host: Host): string => `/var/tmp/compart-${host.uid}`;

/** The file behind the swap of one guest: of this process, as no two guests of one name are being made by it. */
export const swapFile = (host: Host, name: string): string =>
  `${diskFolder(host)}/${name}-${process.pid}-${Date.now()}.swap`;

/** Makes the file, empty as it is: a hole that grows with what is swapped out. @throws ERR_COMPART_STATE */
export function makeSwap(file: string, bytes: number): void {
  makePrivateDir(dirname(file));
  try {
    const fd = openSync(file, 'wx', 0o600);
    try {
      ftruncateSync(fd, bytes);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw stateError('make', file, error);
  }
}
