import { Caller } from '../../host/caller.js';
import { usageError } from '../../shared/errors.js';
import { existing } from './root.js';

/** A folder or a file of the host that a guest sees. */
export interface GuestMount {
  /** On the host, absolute, without symbolic links. */
  source: string;
  /** In the guest, absolute. */
  target: string;
  readOnly: boolean;
}

/** One to be made, as texts. */
export interface MountTexts {
  /** Relative to the caller's directory. */
  source: string;
  target: string;
  readOnly: boolean;
}

const ACCEPTED = 'HOST:GUEST or HOST:GUEST:ro, GUEST an absolute path, as in ./src:/src:ro';

/** `--mount HOST:GUEST[:ro]`. @throws ERR_COMPART_USAGE */
export function parseMount(text: string, caller = new Caller()): GuestMount {
  const [, host = '', guest = '', mode = 'rw'] = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/s.exec(text) ?? [];
  if (host === '')
    throw usageError(`--mount: "${text}" is not of the form HOST:GUEST[:ro]`, `accepted: ${ACCEPTED}`);
  return resolveMount({ source: host, target: guest, readOnly: mode === 'ro' }, caller);
}

/** @throws ERR_COMPART_USAGE for a source that is not there, and a target that is no place for it */
export function resolveMount({ source, target, readOnly }: MountTexts, caller = new Caller()): GuestMount {
  const place = resolveTarget('--mount', target);
  return { source: existing('--mount', source, caller).path, target: place, readOnly };
}

/** A place in a guest, as it is written down. Pure. @throws ERR_COMPART_USAGE naming the flag */
export function resolveTarget(flag: string, text: string): string {
  const target = text.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  if (/^\/[^:]+$/s.test(target) && !target.split('/').includes('..')) return target;
  throw usageError(`${flag}: "${text}" is no place for it`, `accepted: ${ACCEPTED}`);
}

/** As `inspect` shows it and {@link parseMount} reads it. */
export const formatMount = ({ source, target, readOnly }: GuestMount): string =>
  `${source}:${target}${readOnly ? ':ro' : ''}`;
