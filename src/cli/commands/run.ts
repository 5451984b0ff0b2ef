import { usageError } from '../../shared/errors.js';
import type { FileEntry } from '../../compartments/file.js';
import { startDetached, startRun } from '../../compartments/run.js';
import type { Host } from '../../host/host.js';
import type { Args } from '../parse.js';
import { runRequest } from '../request.js';
import { aheadOf, announce, inForeground, reportOf, sayNotEnforced } from '../running.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, terminal) => {
  const report = reportOf(args, terminal.host);
  const asked = runRequest(terminal.host, args, await entryOf(args, terminal.host));
  const request = { ...asked, guard: terminal.self, ahead: aheadOf(terminal) };
  if (request.argv.length === 0) {
    throw usageError(
      `run: a command is missing, also in ${args.text('file') ?? 'the file'}`,
      'usage: compart run [flags] [--] CMD [ARG...]',
    );
  }
  sayNotEnforced(terminal, request);
  if (args.on('detach'))
    return announce(terminal, await startDetached(terminal.host, request, terminal.self), args.on('json'));
  return inForeground(terminal, report, (told) =>
    startRun(terminal.host, { ...request, stdio: ['inherit', 'inherit', 'inherit'], told }),
  );
};

/** The entry of --file that --name means, or the only one. */
async function entryOf(args: Args, { caller }: Host): Promise<FileEntry | null> {
  const path = args.text('file');
  if (path === null) return null;
  const { readCompartFile } = await import('../../compartments/file.js');
  const entries = await readCompartFile(path, caller);
  const name = args.text('name');
  const entry = entries.find((each) => each.name === name) ?? (entries.length === 1 ? entries[0] : undefined);
  if (entry !== undefined) return entry;
  const names = entries.map((each) => each.name).join(', ');
  throw usageError(`--file: ${path} has ${entries.length} compartments`, `say which with --name: ${names}`);
}
