import { openCompartment } from '../../compartments/compartment.js';
import { finishRun } from '../../compartments/finish.js';
import { parseEnding } from '../../host/launched.js';
import { usageError } from '../../shared/errors.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host }) => {
  const [name = '', id = '', status = ''] = args.words;
  const ending = parseEnding(status);
  if (ending === null) throw usageError(`finish-run: "${status}" is no exit status`);
  const compartment = await openCompartment(host, name);
  if (compartment.record.id === id) finishRun(compartment, ending);
  return 0;
};
