import { sweepAll } from '../../compartments/gc.js';
import { Store } from '../../state/store.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, out, json, say }) => {
  const swept = await sweepAll(host, new Store(host.paths.state));
  if (args.on('json')) json(swept);
  else for (const name of swept.removed) out(`${name}\n`);
  for (const { name, why, hint } of swept.left)
    say(`${name} was left alone: ${why}${hint === null ? '' : `; ${hint}`}`);
  return 0;
};
