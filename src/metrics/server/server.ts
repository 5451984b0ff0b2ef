import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CompartError, errnoOf, systemReason, usageError } from '../../shared/errors.js';
import { formatListen, isLoopback, type ListenAddress } from './listen.js';
import { Routes, type Site } from './routes.js';
import { readPublic, readSecret } from './secrets.js';

/** PEM files. */
export interface TlsFiles {
  cert: string;
  key: string;
}

export interface ServeOptions extends Site {
  listen: ListenAddress;
  tls: TlsFiles | null;
}

/** A server that listens. */
export interface Serving {
  url: string;
  /** Takes no more connections, ends those there are, and waits for their end. */
  close(): Promise<void>;
}

/** What a caller may send, and how slowly. Sizes in bytes, times in milliseconds. */
const LIMITS: ServerOptions = {
  maxHeaderSize: 8192,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
};
const MOST_CONNECTIONS = 128;

/**
 * Serves until closed. Listens beyond this machine only with a token and over TLS.
 * @throws ERR_COMPART_USAGE, ERR_COMPART_LISTEN if the address is taken or not to be had
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { listen, tls, token, allowControl } = options;
  if (!isLoopback(listen.ip) && (token === null || tls === null)) throw beyondLoopback(listen, token, tls);
  if (allowControl && token === null)
    throw usageError('--allow-control wants --token-file', 'umask 077; openssl rand -hex 32 > FILE');
  const routes = new Routes(options);
  const server = makeServer(tls);
  server.maxConnections = MOST_CONNECTIONS;
  server.on('request', (request, response) => void routes.handle(request, response));
  const { port } = await startListening(server, listen);
  return {
    url: `${tls === null ? 'http' : 'https'}://${formatListen({ ...listen, port })}/`,
    close: () => {
      routes.close();
      return stopListening(server);
    },
  };
}

function makeServer(tls: TlsFiles | null): Server {
  if (tls === null) return createServer(LIMITS);
  const cert = readPublic('--tls-cert', tls.cert);
  const key = readSecret('--tls-key', tls.key);
  try {
    return createTlsServer({ ...LIMITS, cert, key, minVersion: 'TLSv1.2' });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageError(
      `--tls-cert ${tls.cert}, --tls-key ${tls.key}: ${reason}`,
      'both are PEM files of one pair',
    );
  }
}

function startListening(server: Server, listen: ListenAddress): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(listen, error)));
    server.listen({ host: listen.ip, port: listen.port }, () => {
      server.removeAllListeners('error');
      // Not worth the end of the server: a connection that could not be taken is tried again by its caller.
      server.on('error', () => undefined);
      resolve(server.address() as AddressInfo);
    });
  });
}

function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    // What was being answered has this long to be taken.
    setTimeout(() => server.closeAllConnections(), 500).unref();
  });
}

function listenError(listen: ListenAddress, error: unknown): CompartError {
  const errno = errnoOf(error);
  const other = formatListen({ ...listen, port: Math.min(listen.port + 1, 65_535) });
  const hints: Partial<Record<string, string>> = {
    EADDRINUSE: `port ${listen.port} is taken, perhaps by another compart serve; choose one: --listen ${other}`,
    EADDRNOTAVAIL: 'ip address shows the addresses of this machine',
    EACCES: 'ports below 1024 want root',
  };
  const hint = hints[errno ?? ''];
  const message = `cannot listen on ${formatListen(listen)}: ${systemReason(error)}`;
  return new CompartError('ERR_COMPART_LISTEN', message, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function beyondLoopback(listen: ListenAddress, token: unknown, tls: unknown): CompartError {
  const missing = [token === null ? '--token-file' : '', tls === null ? '--tls-cert and --tls-key' : ''];
  return usageError(
    `--listen: ${formatListen(listen)} is beyond this machine, which wants ${missing.filter(Boolean).join(', ')}`,
    'docs/serve.md shows how to make the files; or listen on 127.0.0.1 and let a proxy stand before it',
  );
}
