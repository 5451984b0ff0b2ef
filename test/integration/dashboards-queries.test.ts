import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { Prometheus, type Answered } from '../support/prometheus.js';
import { allQueries, type Query } from '../support/queries.js';
import { requires } from '../support/requires.js';
import { samples } from '../support/samples.js';

const SHOWN = 20 * 60;
const END = Math.floor(Date.now() / 60_000) * 60;
const CHOSEN = { job: '.+', instance: '.+', compartment: '.+', rateInterval: '1m', range: '20m' };
const it = requires('prometheus', 'promtool');
const here = {} as { dir: string; server: Prometheus };
const ask = (query: Query): Promise<Answered> =>
  here.server.ask(query, { start: END - SHOWN, end: END, step: 15 });

beforeAll(async () => {
  const dir = mkdtempSync(`${tmpdir()}/compart-prometheus-`);
  here.dir = dir;
  writeFileSync(`${dir}/samples`, samples(END, SHOWN));
  await execa('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', `${dir}/samples`, `${dir}/data`]);
  here.server = await Prometheus.start(dir);
});

afterAll(async () => {
  await here.server.stop();
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
