import { join, resolve } from 'node:path';
import { usageError } from '../../shared/errors.js';
import { copyShipped } from '../shipped.js';
import type { Handler } from '../verbs.js';

const DEFAULT_OUT = 'compart-dashboards';

export const handler: Handler = (args, { out, json }) => {
  const folder = args.text('out') ?? DEFAULT_OUT;
  if (folder === '') throw usageError('--out: "" is no folder', 'accepted: the path of a folder');
  const files = copyShipped(folder, args.on('force'));
  if (args.on('json')) json({ out: resolve(folder), files });
  else for (const { file, written } of files) out(`${written ? 'wrote' : 'as is'}  ${join(folder, file)}\n`);
  return Promise.resolve(0);
};
