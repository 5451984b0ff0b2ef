import { realpathSync, statSync, type Stats } from 'node:fs';
import { Caller } from '../../host/caller.js';
import { systemReason, usageError } from '../../shared/errors.js';
import { requireOpen } from './access.js';

/** The root file system of a guest. */
export interface Root {
  kind: 'host' | 'folder' | 'image';
  /** Absolute; `/` for the host's own. */
  path: string;
  /** An image that is a block device of the host. */
  isDevice: boolean;
  /** `memory`: changes are the guest's own and end with it; `through`: they are made to it. */
  write: 'memory' | 'through';
}

export const ROOT_ACCEPTED =
  'host, a folder, an image (ext4, squashfs or erofs), or one of the latter with :rw';

/** @throws ERR_COMPART_USAGE naming the flag and the path */
export function existing(flag: string, path: string, caller: Caller): { path: string; stat: Stats } {
  try {
    const real = realpathSync(caller.path(path));
    return { path: real, stat: statSync(real) };
  } catch (error) {
    throw usageError(
      `${flag}: cannot use "${path}": ${systemReason(error)}`,
      'name a file or a folder that exists',
    );
  }
}

/** `--root host|DIR[:rw]|IMAGE[:rw]`. @throws ERR_COMPART_USAGE */
export function parseRoot(text: string, caller = new Caller()): Root {
  if (text === 'host') return { kind: 'host', path: '/', isDevice: false, write: 'memory' };
  const [, name = '', mode] = /^(.*?)(:rw|:ro)?$/s.exec(text) ?? [];
  if (name === '') throw usageError(`--root: "${text}" names nothing`, `accepted: ${ROOT_ACCEPTED}`);
  const { path, stat } = existing('--root', name, caller);
  const write = mode === ':rw' ? 'through' : 'memory';
  if (stat.isDirectory()) {
    if (path === '/')
      throw usageError(`--root: "${text}" is the root of this host`, '--root host boots a copy of it');
    return { kind: 'folder', path, isDevice: false, write };
  }
  const isDevice = stat.isBlockDevice();
  if (stat.isFile() || isDevice) {
    requireOpen('--root', path, write === 'through');
    return { kind: 'image', path, isDevice, write };
  }
  throw usageError(`--root: "${name}" is neither a folder nor an image`, `accepted: ${ROOT_ACCEPTED}`);
}
