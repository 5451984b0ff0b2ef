import { once } from 'node:events';
import { usageError } from '../../shared/errors.js';
import { Exposition } from '../../metrics/exposition.js';
import { DEFAULT_LISTEN, parseListen } from '../../metrics/server/listen.js';
import { Token } from '../../metrics/server/secrets.js';
import { serve, type TlsFiles } from '../../metrics/server/server.js';
import type { Args } from '../parse.js';
import { VERSION } from '../../shared/version.js';
import { exposedBy } from '../exposing.js';
import type { Host } from '../../host/host.js';
import type { Lines } from '../terminal.js';
import type { Handler } from '../verbs.js';
import type { Service } from '../warm/service.js';

function tlsOf(args: Args): TlsFiles | null {
  const cert = args.text('tls-cert');
  const key = args.text('tls-key');
  if (cert !== null && key !== null) return { cert, key };
  if (cert === null && key === null) return null;
  const [given, other] = cert === null ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
  throw usageError(`${given} wants ${other}`, 'docs/serve.md shows how to make both');
}

export const handler: Handler = async (args, { host, say }, lines) => {
  const ended = Promise.race(['SIGTERM', 'SIGINT'].map((signal) => once(process, signal)));
  const tokenFile = args.text('token-file');
  const server = await serve({
    host,
    version: VERSION,
    metrics: new Exposition(host, exposedBy(args)),
    listen: parseListen(args.text('listen') ?? DEFAULT_LISTEN),
    tls: tlsOf(args),
    token: tokenFile === null ? null : Token.read(tokenFile),
    allowControl: args.on('allow-control'),
  });
  const planner = args.on('warm') ? await plannerOf(host, lines) : null;
  say(`serving on ${server.url}`);
  await ended;
  await server.close();
  planner?.close();
  await planner?.ended;
  return 0;
};

/** Until this process ends: it is here anyway. @throws as {@link Service.open} */
async function plannerOf(host: Host, lines: Lines): Promise<Service> {
  const { Service } = await import('../warm/service.js');
  return Service.open(host, lines, null);
}
