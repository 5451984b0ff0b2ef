import type { Host } from '../host/host.js';
import type { GuestRequest } from '../kernel/guest.js';
import { parseGuest, type GuestSpec, type GuestTexts } from '../kernel/spec.js';
import type { Args } from './parse.js';
import { runRequest } from './request.js';

/** The shell of a guest that was given no command: the caller's own where the guest has the caller's programs. */
const shellFor = ({ caller }: Host, { root }: GuestSpec): string =>
  root.kind === 'host' ? (caller.env['SHELL'] ?? '/bin/sh') : '/bin/sh';

function specOf(args: Args, { caller }: Host): GuestSpec {
  const texts: GuestTexts = {
    kernel: args.text('kernel') ?? undefined,
    root: args.text('root') ?? undefined,
    mount: args.texts('mount'),
    disk: args.texts('disk'),
    hide: args.texts('hide'),
    init: args.text('init') ?? undefined,
  };
  return parseGuest(texts, caller);
}

/**
 * The guest that a command line of `boot` asks for.
 * @param detached it stays up: without words it has no command
 * @throws ERR_COMPART_USAGE
 */
export function guestRequest(host: Host, args: Args, detached: boolean): GuestRequest {
  const guest = specOf(args, host);
  const asked = runRequest(host, args, null);
  const argv = asked.argv.length > 0 || detached ? asked.argv : [shellFor(host, guest)];
  const command = argv.length > 0 ? [...argv] : null;
  return { run: { ...asked, argv, spec: { ...asked.spec, command } }, guest };
}
