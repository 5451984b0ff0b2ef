import { constants } from 'node:os';
import { usageError } from '../../shared/errors.js';
import { killGroup, signalGroup } from '../../host/cgroup/kill.js';
import { openCompartment } from '../../compartments/compartment.js';
import type { Handler } from '../verbs.js';

function signalOf(text: string): number {
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  const signals: Partial<Record<string, number>> = constants.signals;
  const number = /^\d+$/.test(text) ? Number(text) : (signals[name] ?? 0);
  if (number < 1 || number > 64)
    throw usageError(`--signal: "${text}" is no signal`, 'a name or a number, as in TERM or 15');
  return number;
}

export const handler: Handler = async (args, { host, json }) => {
  const signal = signalOf(args.text('signal') ?? 'KILL');
  const { record } = await openCompartment(host, args.words[0] ?? '');
  if (signal === constants.signals.SIGKILL) killGroup(record.group);
  else signalGroup(record.group, signal);
  if (args.on('json')) json({ name: record.name, signal });
  return 0;
};
