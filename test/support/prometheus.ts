import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { execa, type ResultPromise } from 'execa';
import { until } from './programs.js';
import type { Query } from './queries.js';

export interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: Array<[number, string]>;
}
export interface Answered {
  status: string;
  error?: string;
  data?: { result: Series[] };
}
/** What is shown: seconds since 1970, and how dense. */
export interface Span {
  start: number;
  end: number;
  step: number;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A Prometheus of Debian's package, on a free port, with its data in a folder of the test. */
export class Prometheus {
  readonly #address: string;
  readonly #process: ResultPromise;

  private constructor(address: string, process: ResultPromise) {
    this.#address = address;
    this.#process = process;
  }

  /**
   * Starts one and waits until it is ready.
   * @param dir - gets `data/`, or has it already
   * @param config - the file that it reads; an empty one is made where none is named
   */
  static async start(dir: string, config = `${dir}/prometheus.yml`): Promise<Prometheus> {
    if (config === `${dir}/prometheus.yml`) writeFileSync(config, 'global: {}\n');
    const listen = `127.0.0.1:${await freePort()}`;
    const flags = { 'config.file': config, 'storage.tsdb.path': `${dir}/data`, 'web.listen-address': listen };
    const argv = Object.entries(flags).map((pair) => `--${pair.join('=')}`);
    const process = execa('prometheus', argv, { reject: false }) as unknown as ResultPromise;
    const started = new Prometheus(`http://${listen}`, process);
    await until('Prometheus is ready', async () => {
      const answer = await fetch(`http://${listen}/-/ready`).catch(() => null);
      return answer?.ok === true;
    });
    return started;
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.#process;
  }

  /** What a path of its API says, below /api/v1. */
  async get<T>(path: string, words: Record<string, string> = {}): Promise<T> {
    const query = new URLSearchParams(words).toString();
    return (await (await fetch(`${this.#address}/api/v1/${path}?${query}`)).json()) as T;
  }

  /** A query of a dashboard or rule, as Grafana would ask it: over a range, or once at its end. */
  ask({ expr, instant }: Pick<Query, 'expr' | 'instant'>, { start, end, step }: Span): Promise<Answered> {
    return instant
      ? this.get('query', { query: expr, time: String(end) })
      : this.get('query_range', {
          query: expr,
          start: String(start),
          end: String(end),
          step: String(step),
        });
  }

  /** The one number that a query has now, or at a time (seconds since 1970); null where it answers nothing. */
  async number(query: string, time?: number): Promise<number | null> {
    const { error, data } = await this.get<Answered>('query', {
      query,
      ...(time === undefined ? {} : { time: String(time) }),
    });
    if (data === undefined || data.result.length > 1)
      throw new Error(`${query}: ${error ?? 'more than one series'}`);
    const [, text] = data.result[0]?.value ?? [];
    return text === undefined ? null : Number(text);
  }
}
