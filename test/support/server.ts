import { chmodSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import { afterEach } from '@jest/globals';
import type { ResultPromise } from 'execa';
import { EventParser } from '../../src/metrics/page/event-parser.js';
import type { Sample } from '../../src/metrics/page/wire.js';
import type { Sandbox } from './sandbox.js';
import type { ErrorAnswer } from './shapes.js';

/** A `compart serve` that listens. */
export interface Served {
  url: string;
  process: ResultPromise;
  /** Sends a signal, TERM if left out, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<{ status: number | undefined; ms: number }>;
}

/** Starts `compart serve` on a free port, and waits until it says where it serves. */
async function serveIn(sandbox: Sandbox, ...flags: string[]): Promise<Served> {
  const process = sandbox.start(['serve', '--listen', '127.0.0.1:0', ...flags], { buffer: false });
  const said: string[] = [];
  for await (const line of createInterface({ input: process.stderr! })) {
    said.push(line);
    const url = /^compart: serving on (\S+)$/.exec(line)?.[1];
    if (url === undefined) continue;
    process.stderr!.resume();
    return {
      url,
      process,
      stop: async (signal = 'SIGTERM') => {
        const started = performance.now();
        process.kill(signal);
        const { exitCode } = await process;
        return { status: exitCode, ms: performance.now() - started };
      },
    };
  }
  throw new Error(`compart serve ended: ${said.join('\n')}`);
}

/** Servers in the sandbox of the running test, ended after it. */
export function useServer(sandbox: { current: Sandbox }): (...flags: string[]) => Promise<Served> {
  const running: Served[] = [];
  afterEach(async () => {
    for (const served of running.splice(0))
      if (served.process.exitCode === null) await served.stop('SIGKILL');
  });
  return async (...flags) => {
    const served = await serveIn(sandbox.current, ...flags);
    running.push(served);
    return served;
  };
}

export const TOKEN = '0123456789abcdef0123456789abcdef';
export const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

/** A file in the folder of the test. */
export function fileIn({ dir }: Sandbox, name: string, text: string, mode = 0o600): string {
  const path = `${dir}/${name}`;
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

export const tokenFileIn = (sandbox: Sandbox): string => fileIn(sandbox, 'token', `${TOKEN}\n`);

/** An answer, its body as text. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** One request as it is: fetch would set Host and the like itself. */
export function ask(url: string, path: string, options: object = {}, body = ''): Promise<HttpAnswer> {
  const { hostname, port, protocol } = new URL(url);
  const send = protocol === 'https:' ? tlsRequest : request;
  return new Promise((resolve, reject) => {
    const sent = send(
      { hostname: hostname.replace(/[[\]]/g, ''), port, path, agent: false, ...options },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
        );
        answer.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
/** The error that an answer tells of. */
export const errorIn = ({ body }: HttpAnswer): ErrorAnswer['error'] =>
  (JSON.parse(body) as ErrorAnswer).error;
export const statusOf = async (...words: Parameters<typeof ask>): Promise<number> =>
  (await ask(...words)).status;

/** Samples of the stream as they come, until the test has seen enough. */
export async function* samples(url: string, headers: Record<string, string> = {}): AsyncGenerator<Sample> {
  const stop = new AbortController();
  const response = await fetch(`${url}api/v1/stream`, { headers, signal: stop.signal });
  const parser = new EventParser();
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      for (const { event, data } of parser.push(decoder.decode(chunk, { stream: true })))
        if (event === 'sample') yield JSON.parse(data) as Sample;
  } finally {
    stop.abort();
  }
}
