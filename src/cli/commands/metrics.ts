import { replaceFile } from '../../state/json.js';
import type { Format } from '../../metrics/accept.js';
import { Exposition } from '../../metrics/exposition.js';
import { exposedBy, oneOf } from '../exposing.js';
import type { Handler } from '../verbs.js';

export const handler: Handler = async (args, { host, out }) => {
  const format = oneOf<Format>(args, 'format', ['text', 'openmetrics']) ?? 'text';
  const file = args.text('out');
  // Of a process that is gone when this is read, nobody wants to know.
  const exposition = new Exposition(host, { ...exposedBy(args), ownProcess: false });
  const text = await exposition.text(format);
  if (file === null) out(text);
  // For everybody: the collector that reads it is another user's.
  else replaceFile(file, text, 0o644);
  return 0;
};
