import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemReason, usageError } from '../../shared/errors.js';
import type { FileEntry } from '../../compartments/file.js';
import { startDetached, startRun, type RunRequest } from '../../compartments/run.js';
import { checkLimits, refusalsOf } from '../../compartments/subsystems.js';
import type { ExitRecord } from '../../state/history.js';
import type { Args } from '../parse.js';
import { runRequest } from '../request.js';
import { relaySignals } from '../signals.js';
import type { Terminal } from '../terminal.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, terminal) => {
  const report = args.text('report');
  if (report !== null) checkReport(report);
  if (args.on('detach') && report !== null) {
    throw usageError(
      '--report: a detached command ends after compart has returned',
      'compart history --json has its exit record',
    );
  }
  const request = runRequest(terminal.host, args, await entryOf(args));
  if (request.argv.length === 0) {
    throw usageError(
      `run: a command is missing, also in ${args.text('file') ?? 'the file'}`,
      'usage: compart run [flags] [--] CMD [ARG...]',
    );
  }
  sayNotEnforced(terminal, request);
  if (args.on('detach')) return detach(terminal, request, args.on('json'));
  return foreground(terminal, request, report);
};

async function foreground(
  terminal: Terminal,
  request: Omit<RunRequest, 'stdio'>,
  report: string | null,
): Promise<number> {
  const relay = relaySignals(terminal.host);
  const run = await startRun(terminal.host, { ...request, stdio: ['inherit', 'inherit', 'inherit'] });
  relay.deliver(run.pid, (signal) => run.signal(signal));
  try {
    const { record, status, line, notKept } = await run.ended;
    for (const said of [line, notKept]) if (said !== null) terminal.say(said);
    if (report !== null) writeReport(terminal, report, record);
    return status;
  } finally {
    relay.stop();
  }
}

/** How the command ended is told by the status, whatever becomes of the report. */
function writeReport(terminal: Terminal, path: string, record: ExitRecord): void {
  try {
    writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`);
  } catch (error) {
    terminal.say(`cannot write the report to "${path}": ${systemReason(error)}`);
  }
}

async function detach(
  terminal: Terminal,
  request: Omit<RunRequest, 'stdio'>,
  asJson: boolean,
): Promise<number> {
  const { record } = await startDetached(terminal.host, request, terminal.self);
  if (asJson) terminal.json({ name: record.name, id: record.id, pid: record.main?.pid ?? null });
  else terminal.out(`${record.name}\n`);
  return 0;
}

function sayNotEnforced(terminal: Terminal, request: Omit<RunRequest, 'stdio'>): void {
  if (!request.bestEffort) return;
  checkLimits(terminal.host, request.limits);
  for (const { flag, why } of refusalsOf(terminal.host, request.limits))
    terminal.say(`warning: ${flag} is not enforced: ${why}`);
}

/** The entry of --file that --name means, or the only one. */
async function entryOf(args: Args): Promise<FileEntry | null> {
  const path = args.text('file');
  if (path === null) return null;
  const { readCompartFile } = await import('../../compartments/file.js');
  const entries = await readCompartFile(path);
  const name = args.text('name');
  const entry = entries.find((each) => each.name === name) ?? (entries.length === 1 ? entries[0] : undefined);
  if (entry !== undefined) return entry;
  const names = entries.map((each) => each.name).join(', ');
  throw usageError(`--file: ${path} has ${entries.length} compartments`, `say which with --name: ${names}`);
}

/** Before the command runs: its record must not be lost to a folder that is not there. */
function checkReport(path: string): void {
  try {
    accessSync(`${dirname(path)}/.`, constants.W_OK);
    if (!existsSync(path)) return;
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw usageError(
      `--report: cannot write "${path}": ${systemReason(error)}`,
      'name a file in a directory that exists',
    );
  }
  if (statSync(path).isDirectory())
    throw usageError(`--report: cannot write "${path}": Is a directory`, 'name a file in it');
}
