import { usageError } from '../../shared/errors.js';
import { formatSize } from '../../shared/units/size.js';
import { attachProcesses } from '../../compartments/attach.js';
import { openCompartment } from '../../compartments/compartment.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, json, say }) => {
  const [name = '', ...words] = args.words;
  const pids = words.map((word) => {
    if (!/^[1-9]\d{0,6}$/.test(word))
      throw usageError(`attach: "${word}" is not a pid`, 'a positive number, as ps prints it');
    return Number(word);
  });
  const attached = await attachProcesses(await openCompartment(host, name), pids);
  if (args.on('json')) json({ name, ...attached });
  else if (attached.heldBytes > 0) {
    say(
      `${name}: ${attached.pids.length} attached; the ${formatSize(attached.heldBytes)} they hold already stay charged where they were, limits count from here on`,
    );
  }
  return 0;
};
