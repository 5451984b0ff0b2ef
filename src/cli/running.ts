import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemReason, usageError } from '../shared/errors.js';
import type { Aheads, Compartment } from '../compartments/compartment.js';
import type { RunResult } from '../compartments/finish.js';
import type { Run, RunRequest } from '../compartments/run.js';
import { checkLimits, refusalsOf } from '../compartments/subsystems.js';
import type { ExitRecord } from '../state/history.js';
import type { Host } from '../host/host.js';
import type { Args } from './parse.js';
import { relaySignals } from './signals.js';
import type { Terminal } from './terminal.js';

/**
 * Waits for a command in the foreground, hands on signals, and says how it ended.
 * @param start is given what wants to be told the result early, if anything does
 * @param told called with its exit record
 * @returns its status
 */
export async function inForeground(
  terminal: Terminal,
  report: string | null,
  start: (told: RunRequest['told']) => Promise<Run>,
  told: (record: ExitRecord) => void = () => undefined,
): Promise<number> {
  const relay = relaySignals(terminal.host);
  let isTold = false;
  const tell = ({ record, status, line, strict, notKept }: RunResult): void => {
    if (isTold) return;
    isTold = true;
    for (const said of [line, strict, notKept]) if (said !== null) terminal.say(said);
    told(record);
    if (report !== null) writeReport(terminal, report, record);
    terminal.leave?.(status);
  };
  try {
    const run = await start(terminal.leave === undefined ? undefined : tell);
    relay.deliver(run.pid, (signal) => run.signal(signal));
    const result = await run.ended;
    tell(result);
    return result.status;
  } finally {
    relay.stop();
  }
}

/** What a service has for whoever it plans for. */
export const aheadOf = ({ stacks }: Terminal): Aheads => (stacks === null ? {} : { net: stacks });

/** Says what was started and goes. */
export function announce(terminal: Terminal, { record }: Compartment, asJson: boolean): number {
  if (asJson) terminal.json({ name: record.name, id: record.id, pid: record.main?.pid ?? null });
  else terminal.out(`${record.name}\n`);
  return 0;
}

/** With --best-effort: names every limit that is not enforced. */
export function sayNotEnforced(terminal: Terminal, request: Pick<RunRequest, 'bestEffort' | 'limits'>): void {
  if (!request.bestEffort) return;
  checkLimits(terminal.host, request.limits);
  for (const { flag, why } of refusalsOf(terminal.host, request.limits))
    terminal.say(`warning: ${flag} is not enforced: ${why}`);
}

/** How the command ended is told by the status, whatever becomes of the report. */
function writeReport(terminal: Terminal, path: string, record: ExitRecord): void {
  try {
    writeFileSync(terminal.host.caller.path(path), `${JSON.stringify(record, null, 2)}\n`);
  } catch (error) {
    terminal.say(`cannot write the report to "${path}": ${systemReason(error)}`);
  }
}

/**
 * Where --report goes, checked before the command runs: its record must not be lost to a folder that is not there.
 * @throws ERR_COMPART_USAGE
 */
export function reportOf(args: Args, { caller }: Host): string | null {
  const report = args.text('report');
  if (report !== null) checkReport(report, caller.path(report));
  if (args.on('detach') && report !== null) {
    throw usageError(
      '--report: a detached command ends after compart has returned',
      'compart history --json has its exit record',
    );
  }
  return report;
}

function checkReport(text: string, path: string): void {
  try {
    accessSync(`${dirname(path)}/.`, constants.W_OK);
    if (!existsSync(path)) return;
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw usageError(
      `--report: cannot write "${text}": ${systemReason(error)}`,
      'name a file in a directory that exists',
    );
  }
  if (statSync(path).isDirectory())
    throw usageError(`--report: cannot write "${text}": Is a directory`, 'name a file in it');
}
