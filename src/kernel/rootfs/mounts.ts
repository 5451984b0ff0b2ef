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

const ACCEPTED = 'HOST:GUEST or HOST:GUEST:ro, GUEST an absolute path, as in ./src:/src:ro';

/** `--mount HOST:GUEST[:ro]`. @throws ERR_COMPART_USAGE */
export function parseMount(text: string, caller = new Caller()): GuestMount {
  const [, host = '', guest = '', mode = 'rw'] = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/s.exec(text) ?? [];
  if (host === '')
    throw usageError(`--mount: "${text}" is not of the form HOST:GUEST[:ro]`, `accepted: ${ACCEPTED}`);
  const target = guest.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  if (target === '/' || target.split('/').includes('..'))
    throw usageError(`--mount: "${guest}" is no place for it`, `accepted: ${ACCEPTED}`);
  return { source: existing('--mount', host, caller).path, target, readOnly: mode === 'ro' };
}

/** As `inspect` shows it and {@link parseMount} reads it. */
export const formatMount = ({ source, target, readOnly }: GuestMount): string =>
  `${source}:${target}${readOnly ? ':ro' : ''}`;
