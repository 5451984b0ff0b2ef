import { usageError } from '../../shared/errors.js';
import { Caller } from '../../host/caller.js';
import { Host } from '../../host/host.js';
import { GuestPool, MOST_WAITING } from '../../kernel/pool.js';
import { guestRequest } from '../guest-request.js';
import { parseArgs } from '../parse.js';
import { GUESTS } from '../guests.js';
import type { Verb } from '../verbs.js';
import type { GuestsQuestion } from './question.js';

/**
 * The pool that was asked for, nothing booted yet; null for none.
 * @param host of the service, whose environment counts
 * @throws ERR_COMPART_USAGE, ERR_COMPART_UNSUPPORTED
 */
export function guestPool(host: Host, { guests, words, cwd }: GuestsQuestion): GuestPool | null {
  if (guests > MOST_WAITING)
    throw usageError(`--guests: ${guests} are more than are kept`, `at most ${MOST_WAITING}`);
  if (guests === 0) return null;
  const args = parseArgs('boot', GUESTS['boot'] as Verb, words);
  const own = Host.current(new Caller({ cwd, env: host.caller.env }));
  return new GuestPool(own, guestRequest(own, args, true), guests);
}
