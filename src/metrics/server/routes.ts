import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import type { Host } from '../../host/host.js';
import { HttpError, send, sendError, sendJson, setHeaders } from './answer.js';
import { readAssets, sendAsset } from './assets.js';
import { commandIn, control, readBody, refuseForeign } from './control.js';
import { namesLoopback } from './listen.js';
import type { Token } from './secrets.js';
import { Shared } from './shared.js';
import { Streams } from './streams.js';
import { lookClosely, survey } from './survey.js';

/** What writes the metrics: the format is chosen by an Accept header. */
export interface MetricsSource {
  answer(accept: string | undefined): Promise<{ contentType: string; body: string }>;
}

/** What the routes answer from. */
export interface Site {
  host: Host;
  version: string;
  metrics: MetricsSource;
  /** What callers must know, or null where only this machine can call. */
  token: Token | null;
  allowControl: boolean;
}

/** Everything that can be asked of the server. */
export class Routes {
  readonly #site: Site;
  readonly #assets = readAssets();
  readonly #streams: Streams;
  readonly #listing: Shared<string>;

  constructor(site: Site) {
    const { host, version, allowControl } = site;
    this.#site = site;
    this.#streams = new Streams(host, { version, hostname: hostname(), control: allowControl });
    this.#listing = new Shared(() => listing(host));
  }

  /** Answers; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setHeaders(response);
    try {
      await this.#route(request, response);
    } catch (error) {
      sendError(response, error);
    }
  }

  close(): void {
    this.#streams.close();
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').replace(/\?.*$/s, '');
    this.#refuseRebound(request);
    const command = commandIn(path);
    if (command !== null) {
      allowOnly(request, 'POST');
      this.#refuseControl(request);
      sendJson(response, 200, await control(this.#site.host, command, await readBody(request)));
      return;
    }
    const asset = this.#assets.get(path);
    const answer = asset === undefined ? this.#answerOf(path) : null;
    if (asset === undefined && answer === null)
      throw new HttpError(404, 'ERR_HTTP_NOT_FOUND', 'nothing is here', 'docs/serve.md lists what there is');
    allowOnly(request, 'GET', 'HEAD');
    if (asset !== undefined) sendAsset(request, response, asset);
    if (path !== '/healthz' && answer !== null) this.#authorize(request);
    await answer?.(request, response);
  }

  #answerOf(path: string): ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | null {
    switch (path) {
      case '/healthz':
        return async (_, response) =>
          Promise.resolve(send(response, 200, 'text/plain; charset=utf-8', 'ok\n'));
      case '/metrics':
        return (request, response) => this.#metrics(request, response);
      case '/api/v1/compartments':
        return async (_, response) =>
          send(response, 200, 'application/json; charset=utf-8', await this.#listing.ask());
      case '/api/v1/stream':
        return async (request, response) => Promise.resolve(this.#stream(request, response));
      default:
        return null;
    }
  }

  async #metrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { contentType, body } = await this.#site.metrics.answer(request.headers.accept);
    response.setHeader('vary', 'accept');
    send(response, 200, contentType, body);
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'HEAD') response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
    else this.#streams.open(response);
  }

  /** Without a token, to be on this machine is all there is to be known: a page of somebody else must not be taken for it. */
  #refuseRebound({ headers }: IncomingMessage): void {
    if (this.#site.token !== null || namesLoopback(headers.host)) return;
    throw new HttpError(
      403,
      'ERR_HTTP_HOST',
      'the Host header does not name this machine',
      'ask for 127.0.0.1 or localhost; a proxy has to ask so too, or to know the token',
    );
  }

  #authorize({ headers }: IncomingMessage): void {
    if (this.#site.token === null || this.#site.token.isIn(headers.authorization)) return;
    throw new HttpError(
      401,
      'ERR_HTTP_UNAUTHORIZED',
      'the token of --token-file is missing or wrong',
      'Authorization: Bearer TOKEN; in a browser add #token=TOKEN to the address',
      { 'www-authenticate': 'Bearer realm="compart"' },
    );
  }

  #refuseControl(request: IncomingMessage): void {
    if (!this.#site.allowControl || this.#site.token === null)
      throw new HttpError(
        403,
        'ERR_HTTP_FORBIDDEN',
        'this server only shows',
        'compart serve --allow-control --token-file FILE also changes',
      );
    this.#authorize(request);
    refuseForeign(request);
  }
}

function allowOnly({ method = 'GET' }: IncomingMessage, ...methods: string[]): void {
  if (methods.includes(method)) return;
  const allow = methods.join(', ');
  throw new HttpError(405, 'ERR_HTTP_METHOD', `${method} is not possible here`, `only ${allow}`, { allow });
}

/** As `compart ps --json`. */
async function listing(host: Host): Promise<string> {
  const texts: string[] = [];
  for await (const [, listed] of survey(host, lookClosely)) texts.push(JSON.stringify(listed));
  return `[${texts.join(',')}]\n`;
}
