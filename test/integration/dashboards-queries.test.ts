import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { execa, type ResultPromise } from 'execa';
import { until } from '../support/programs.js';
import { allQueries, type Query } from '../support/queries.js';
import { requires } from '../support/requires.js';
import { samples } from '../support/samples.js';

interface Answered {
  status: string;
  error?: string;
  data?: { result: Array<{ value?: [number, string]; values?: Array<[number, string]> }> };
}

const SHOWN = 20 * 60;
const END = Math.floor(Date.now() / 60_000) * 60;
const CHOSEN = { job: '.+', instance: '.+', compartment: '.+', rateInterval: '1m', range: '20m' };
const it = requires('prometheus', 'promtool');
const here = {} as { dir: string; server: ResultPromise; address: string };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function ask({ expr, instant }: Query): Promise<Answered> {
  const query = new URLSearchParams({ query: expr });
  const span = { start: String(END - SHOWN), end: String(END), step: '15' };
  for (const [key, value] of Object.entries(instant ? { time: String(END) } : span)) query.set(key, value);
  const url = `${here.address}/api/v1/${instant ? 'query' : 'query_range'}?${query.toString()}`;
  return (await (await fetch(url)).json()) as Answered;
}

beforeAll(async () => {
  const dir = mkdtempSync(`${tmpdir()}/compart-prometheus-`);
  here.dir = dir;
  writeFileSync(`${dir}/samples`, samples(END, SHOWN));
  writeFileSync(`${dir}/prometheus.yml`, 'global: {}\n');
  await execa('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', `${dir}/samples`, `${dir}/data`]);
  const listen = `127.0.0.1:${await freePort()}`;
  here.address = `http://${listen}`;
  const flags = { 'config.file': `${dir}/prometheus.yml`, 'storage.tsdb.path': `${dir}/data` };
  here.server = execa(
    'prometheus',
    [...Object.entries(flags).map((pair) => `--${pair.join('=')}`), `--web.listen-address=${listen}`],
    { reject: false },
  ) as unknown as ResultPromise;
  await until('Prometheus is ready', async () => {
    const answer = await fetch(`${here.address}/-/ready`).catch(() => null);
    return answer?.ok === true;
  });
});

afterAll(async () => {
  here.server.kill('SIGTERM');
  await here.server;
  rmSync(here.dir, { recursive: true });
});

describe('a real Prometheus with 20 minutes of every metric, of 2 compartments of equal names on 2 hosts', () => {
  it('answers every query of every panel, variable, annotation and recording rule', async () => {
    const silent: string[] = [];
    for (const query of allQueries(CHOSEN)) {
      const { status, error, data } = await ask(query);
      expect({ from: query.from, status, error }).toEqual({ from: query.from, status: 'success' });
      if (data?.result.length === 0 && query.kind !== 'alert') silent.push(query.from);
    }
    expect(silent).toEqual([]);
  });

  it('answers no panel with nothing but infinite or undefined values', async () => {
    const odd: string[] = [];
    for (const query of allQueries(CHOSEN).filter(({ kind }) => kind === 'panel')) {
      const { data } = await ask(query);
      const values = (data?.result ?? [])
        .flatMap(({ values: range, value }) => range ?? (value === undefined ? [] : [value]))
        .map(([, text]) => text);
      if (!values.some((value) => Number.isFinite(Number(value)))) odd.push(query.from);
      else if (values.some((value) => /Inf/.test(value))) odd.push(`${query.from}: infinite`);
    }
    expect(odd).toEqual([]);
  });
});
