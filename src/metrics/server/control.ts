import type { IncomingMessage } from 'node:http';
import { freezeCompartment, killCompartment, parseSignal } from '../../compartments/control.js';
import { inspectCompartment } from '../../compartments/inspect.js';
import { LIMIT_FIELDS, type LimitTexts } from '../../compartments/limits.js';
import type { Host } from '../../host/host.js';
import { setLimits } from '../../kernel/set.js';
import { isName } from '../../state/record.js';
import { usageError } from '../../shared/errors.js';
import { own } from '../../shared/own.js';
import { HttpError } from './answer.js';

const LONGEST_BODY = 4096;
const PATH = /^\/api\/v1\/compartments\/([^/]+)\/(freeze|thaw|kill|set)$/;

/** What is to be done to which compartment. */
export interface Command {
  name: string;
  verb: string;
}

/** The command that a path names, or null. */
export function commandIn(path: string): Command | null {
  const [, name = '', verb = ''] = PATH.exec(path) ?? [];
  return isName(name) ? { name, verb } : null;
}

/** Refuses what a page of another origin could send. @throws HttpError 403, 415 */
export function refuseForeign({ headers }: IncomingMessage): void {
  const site = headers['sec-fetch-site'] ?? 'same-origin';
  const { origin } = headers;
  const same = origin === undefined || hostOf(origin) === headers.host;
  if (!same || (site !== 'same-origin' && site !== 'none'))
    throw new HttpError(403, 'ERR_HTTP_FORBIDDEN', 'the request comes from a page of another origin');
  if (!/^application\/json(?:\s*;|$)/i.test(headers['content-type'] ?? ''))
    throw new HttpError(415, 'ERR_HTTP_TYPE', 'the body must be application/json');
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}

/** The JSON object in a body, empty for none. @throws HttpError 400, 413 */
export async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_BODY)
      throw new HttpError(413, 'ERR_HTTP_BODY', `the body is longer than ${LONGEST_BODY} bytes`, null, {
        connection: 'close',
      });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  const value = parse(text === '' ? '{}' : text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new HttpError(400, 'ERR_HTTP_BODY', 'the body is no JSON object');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** Does it, by what the verb of the same name calls. @returns what that verb answers with --json */
export async function control(
  host: Host,
  { name, verb }: Command,
  body: Record<string, unknown>,
): Promise<unknown> {
  if (verb === 'set') {
    const { spec: _spec, ...listed } = inspectCompartment(await setLimits(host, name, limitTextsOf(body)));
    return listed;
  }
  const known = verb === 'kill' ? ['signal'] : [];
  const odd = Object.keys(body).find((key) => !known.includes(key));
  if (odd !== undefined) throw usageError(`${verb} takes no "${odd}"`);
  if (verb !== 'kill') {
    await freezeCompartment(host, name, verb === 'freeze');
    return { name, frozen: verb === 'freeze' };
  }
  const asked = body['signal'] ?? 'KILL';
  if (typeof asked !== 'string') throw usageError('signal is no text', 'as in {"signal":"TERM"}');
  const signal = parseSignal(asked);
  await killCompartment(host, name, signal);
  return { name, signal };
}

/** Keys are checked before they are set: `__proto__` is no limit. @throws ERR_COMPART_USAGE */
function limitTextsOf(body: Record<string, unknown>): LimitTexts {
  const texts: LimitTexts = {};
  for (const [name, given] of Object.entries(body)) {
    const field = own(LIMIT_FIELDS, name);
    if (field === undefined)
      throw usageError(`no limit is called ${name}`, `known: ${Object.keys(LIMIT_FIELDS).join(', ')}`);
    const list = Array.isArray(given) && field.repeatable ? (given as unknown[]) : [given];
    if (!list.every((text) => typeof text === 'string'))
      throw usageError(`--${name}: the value is no text`, 'as in {"mem":"512M"}');
    texts[name] = field.repeatable ? list : (list[0] ?? '');
  }
  return texts;
}
