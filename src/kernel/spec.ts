import { Caller } from '../host/caller.js';
import { usageError } from '../shared/errors.js';
import { MOST_DISKS, parseDisk, type Disk } from './rootfs/disks.js';
import { parseMount, type GuestMount } from './rootfs/mounts.js';
import { resolveIn } from './rootfs/resolve.js';
import { parseRoot, type Root } from './rootfs/root.js';

/** What makes a compartment a guest, besides its limits. */
export interface GuestSpec {
  /** The file to boot, or null for the fastest that is installed. */
  kernel: string | null;
  root: Root;
  mounts: GuestMount[];
  disks: Disk[];
  /** Paths of the root that the guest does not see. */
  hide: string[];
  /** The root's own init, or null for compart's. */
  init: string | null;
}

/** The same as flags, a compart.yaml or the library give it. */
export interface GuestTexts {
  kernel?: string | undefined;
  root?: string | undefined;
  mount?: string[];
  disk?: string[];
  hide?: string[];
  init?: string | undefined;
}

function absolute(flag: string, text: string): string {
  const path = text.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  if (!path.startsWith('/') || path === '/' || path.split('/').includes('..'))
    throw usageError(`--${flag}: "${text}" is no absolute path of the root`, `as in --${flag} /home/me/.ssh`);
  return path;
}

/** Reads the texts. @throws ERR_COMPART_USAGE naming the flag, the value and what is accepted */
export function parseGuest(texts: GuestTexts, caller = new Caller()): GuestSpec {
  const root = parseRoot(texts.root ?? 'host', caller);
  const disks = (texts.disk ?? []).map((text) => parseDisk(text, caller));
  if (disks.length > MOST_DISKS - 2)
    throw usageError(`--disk: ${disks.length} are more than a guest can have`, `at most ${MOST_DISKS - 2}`);
  const hide = (texts.hide ?? []).map((text) => absolute('hide', text));
  if (hide.length > 0 && root.kind === 'image')
    throw usageError('--hide: what an image holds is all the guest’s', 'leave it out of the image');
  return {
    kernel: texts.kernel ?? null,
    root,
    mounts: (texts.mount ?? []).map((text) => parseMount(text, caller)),
    disks,
    // A cover lies over what is there, and no link leads to it: the guest would see what the link leads to.
    hide: hide.map((path) => resolveIn(root.path, path)),
    init: texts.init === undefined ? null : absolute('init', texts.init),
  };
}
