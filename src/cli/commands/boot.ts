import { bootDetached, bootGuest, type GuestRequest } from '../../kernel/guest.js';
import { parseGuest, type GuestSpec, type GuestTexts } from '../../kernel/spec.js';
import type { Host } from '../../host/host.js';
import { stagesOf } from '../../kernel/trace.js';
import { usageError } from '../../shared/errors.js';
import type { GuestStages } from '../../state/guest.js';
import { orDash, table } from '../format.js';
import type { Args } from '../parse.js';
import { runRequest } from '../request.js';
import { announce, inForeground, reportOf, sayNotEnforced } from '../running.js';
import type { Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';

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

/** Unix milliseconds, and parts of them. */
const nowMs = (): number => performance.timeOrigin + performance.now();

function sayTrace({ host, say }: Terminal, loadedMs: number, guest: GuestStages | null): void {
  const beganMs = host.front?.beganMs ?? performance.timeOrigin;
  const now = nowMs();
  const stages = stagesOf(guest, { beganMs, loadedMs, nowMs: now });
  const rows = stages.map(({ name, until, ms }) => [name, orDash(ms, (of) => of.toFixed(1)), until]);
  const all = ['all', (now - beganMs).toFixed(1), ''];
  say(table(['stage', 'ms', 'until'], [...rows, all], new Set(['ms'])).trimEnd());
}

export const handler: Handler = async (args, terminal) => {
  const loadedMs = nowMs();
  if (args.on('trace') && args.on('detach'))
    throw usageError(
      '--trace: a detached guest ends after compart has returned',
      'compart inspect NAME has its stages while it runs, compart history --json later',
    );
  const report = reportOf(args, terminal.host);
  const guest = specOf(args, terminal.host);
  const detach = args.on('detach');
  const asked = runRequest(terminal.host, args, null);
  const argv = asked.argv.length > 0 || detach ? asked.argv : [shellFor(terminal.host, guest)];
  const command = argv.length > 0 ? [...argv] : null;
  const request: GuestRequest = { run: { ...asked, argv, spec: { ...asked.spec, command } }, guest };
  sayNotEnforced(terminal, asked);
  if (detach)
    return announce(terminal, await bootDetached(terminal.host, request, terminal.self), args.on('json'));
  const start = () => bootGuest(terminal.host, request);
  return inForeground(terminal, report, start, (record) => {
    if (args.on('trace')) sayTrace(terminal, loadedMs, record.guest?.stages ?? null);
  });
};
