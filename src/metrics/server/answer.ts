import type { ServerResponse } from 'node:http';
import { CompartError, type ErrorCode } from '../../shared/errors.js';

/** What is answered instead of what was asked for. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    hint: string | null = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.headers = headers;
  }
}

/** RFC 9110 status of an error of the library; 500 where it is not the caller's to mend. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_COMPART_USAGE: 400,
  ERR_COMPART_NOT_FOUND: 404,
  ERR_COMPART_BUSY: 409,
  ERR_COMPART_UNSUPPORTED: 422,
};

/** Nothing of this server may be framed, sniffed, cached, or load anything from elsewhere. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

export function setHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
}

/** Answers with a document of a type; a HEAD gets its length alone, which Node sees to. */
export function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length });
  response.end(bytes);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json; charset=utf-8', `${JSON.stringify(value)}\n`);
}

/** Answers an error in the shape that `--json` gives it on the command line. */
export function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, code, message, hint, headers } = asHttp(error);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendJson(response, status, { error: { code, message, hint } });
}

function asHttp(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof CompartError)
    return new HttpError(STATUS[error.code] ?? 500, error.code, error.message, error.hint);
  return new HttpError(500, 'ERR_COMPART_INTERNAL', error instanceof Error ? error.message : String(error));
}
