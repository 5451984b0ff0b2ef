import { bootDetached, bootGuest } from '../../kernel/guest.js';
import { stagesOf } from '../../kernel/trace.js';
import type { Run, RunRequest } from '../../compartments/run.js';
import { usageError } from '../../shared/errors.js';
import type { GuestStages } from '../../state/guest.js';
import { orDash, table } from '../format.js';
import { guestRequest } from '../guest-request.js';
import { aheadOf, announce, inForeground, reportOf, sayNotEnforced } from '../running.js';
import type { Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';

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
  const detach = args.on('detach');
  const asked = guestRequest(terminal.host, args, detach);
  const request = { ...asked, run: { ...asked.run, guard: terminal.self, ahead: aheadOf(terminal) } };
  sayNotEnforced(terminal, request.run);
  if (detach)
    return announce(terminal, await bootDetached(terminal.host, request, terminal.self), args.on('json'));
  // One that was booted ahead has a name already, and no boot to be traced.
  const ahead = args.text('name') === null && !args.on('trace') ? terminal.guests : null;
  const start = (told: RunRequest['told']): Promise<Run> => {
    const heard = { ...request, run: { ...request.run, told } };
    return ahead?.take(terminal.host, heard) ?? bootGuest(terminal.host, heard);
  };
  return inForeground(terminal, report, start, (record) => {
    if (args.on('trace')) sayTrace(terminal, loadedMs, record.guest?.stages ?? null);
  });
};
