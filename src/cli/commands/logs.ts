import { readLog } from '../../compartments/log.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, out }) => {
  for await (const piece of readLog(host, args.words[0] ?? '', args.on('follow'))) out(piece);
  return 0;
};
