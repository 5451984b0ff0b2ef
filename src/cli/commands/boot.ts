import { bootDetached, bootGuest, type GuestRequest } from '../../kernel/guest.js';
import { parseGuest, type GuestSpec } from '../../kernel/spec.js';
import type { Args } from '../parse.js';
import { runRequest } from '../request.js';
import { announce, inForeground, reportOf, sayNotEnforced } from '../running.js';
import type { Handler } from '../verbs.js';

/** The shell of a guest that was given no command: the caller's own where the guest has the caller's programs. */
const shellFor = ({ root }: GuestSpec): string =>
  root.kind === 'host' ? (process.env['SHELL'] ?? '/bin/sh') : '/bin/sh';

function specOf(args: Args): GuestSpec {
  return parseGuest({
    kernel: args.text('kernel') ?? undefined,
    root: args.text('root') ?? undefined,
    mount: args.texts('mount'),
    disk: args.texts('disk'),
    hide: args.texts('hide'),
    init: args.text('init') ?? undefined,
  });
}

export const handler: Handler = async (args, terminal) => {
  const report = reportOf(args);
  const guest = specOf(args);
  const detach = args.on('detach');
  const asked = runRequest(terminal.host, args, null);
  const argv = asked.argv.length > 0 || detach ? asked.argv : [shellFor(guest)];
  const command = argv.length > 0 ? [...argv] : null;
  const request: GuestRequest = { run: { ...asked, argv, spec: { ...asked.spec, command } }, guest };
  sayNotEnforced(terminal, asked);
  if (detach)
    return announce(terminal, await bootDetached(terminal.host, request, terminal.self), args.on('json'));
  return inForeground(terminal, report, () => bootGuest(terminal.host, request));
};
