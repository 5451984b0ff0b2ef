import { constants } from 'node:os';
import { openCompartment } from '../../compartments/compartment.js';
import { finishRun } from '../../compartments/finish.js';
import type { ExitStatus } from '../../host/exec.js';
import { usageError } from '../../shared/errors.js';
import type { Handler } from '../verbs.js';

function exitStatus(text: string): ExitStatus {
  const match = /^(exited|signaled):(\d+)$/.exec(text);
  if (!match) throw usageError(`finish-run: "${text}" is no exit status`);
  const number = Number(match[2]);
  if (match[1] === 'exited') return { exitCode: number, signal: null };
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return { exitCode: null, signal: (name ?? 'SIGKILL') as NodeJS.Signals };
}

export const handler: Handler = async (args, { host }) => {
  const [name = '', id = '', status = ''] = args.words;
  const compartment = await openCompartment(host, name);
  if (compartment.record.id === id) finishRun(compartment, exitStatus(status));
  return 0;
};
