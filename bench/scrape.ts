import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Caller } from '../src/host/caller.js';
import { Host } from '../src/host/host.js';
import { Fleet } from './fleet.js';
import { machine } from './machine.js';
import { writeTopic } from './page.js';
import type { Self } from './scrape-server.js';
import { median } from './table.js';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 21);
const SIZES = [100, 1000];
const PORTS = { compart: 19_251, peer: 19_256 };
const PEER = 'prometheus-process-exporter';

/** There is no package of cAdvisor to measure it by: what others say of it, on machines of their own. */
const PUBLISHED = [
  'cAdvisor, as published and not measured here: a scrape of 16 containers 0.34 s and 11.5 MB, of 40 containers 0.74 s and 26.8 MB (the latter with one perf counter; google/cadvisor#2608, 40 cores, 2020); under 1 s up to about 150 containers, then about 5 s and rising (google/cadvisor#1644, in Kubernetes 1.5, 2017)',
];

interface Result {
  name: string;
  compartments: number;
  samples: number[];
  bytes: number;
  series: number;
  rssBytes: number;
  blockedMs: number | null;
}

/** A connection each: one that was kept may just be closed by the other side. */
function get(port: number, path: string): Promise<{ ms: number; text: string }> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ ms: performance.now() - started, text: Buffer.concat(pieces).toString('utf8') }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Waits until somebody answers there; false where nobody does. */
async function answers(port: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      await get(port, '/');
      return true;
    } catch {
      await delay(50);
    }
  }
  return false;
}

const rssOf = (pid: number | undefined): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid ?? 'self'}/status`, 'utf8'))?.[1]) * 1024;

/** One group a process: as many series of each as compart has compartments. */
function startPeer(dir: string): ChildProcess {
  writeFileSync(`${dir}/peer.yaml`, "process_names:\n  - name: '{{.PID}}'\n    comm: [sleep]\n");
  const argv = ['-config.path', `${dir}/peer.yaml`, '-web.listen-address', `127.0.0.1:${PORTS.peer}`];
  const child = spawn(PEER, argv, { stdio: 'ignore' });
  child.on('error', () => undefined);
  return child;
}

const seriesIn = (text: string): number => text.split('\n').filter((line) => /^[a-z]/.test(line)).length;

async function measure(size: number, peer: ChildProcess | null, own: ChildProcess): Promise<Result[]> {
  const results: Result[] = [];
  const resultOf = (name: string): Result => {
    const fresh = {
      name,
      compartments: size,
      samples: [],
      bytes: 0,
      series: 0,
      rssBytes: 0,
      blockedMs: null,
    };
    results.push(fresh);
    return fresh;
  };
  const compart = resultOf('compart');
  const other = peer === null ? null : resultOf(PEER);
  // The first makes what later ones have: prefixes, compiled code.
  await get(PORTS.compart, '/metrics');
  if (peer !== null) await get(PORTS.peer, '/metrics');
  await get(PORTS.compart, '/self');
  for (let round = 0; round < ROUNDS; round += 1) {
    const one = await get(PORTS.compart, '/metrics');
    compart.samples.push(one.ms);
    Object.assign(compart, { bytes: one.text.length, series: seriesIn(one.text) });
    if (other === null) continue;
    const two = await get(PORTS.peer, '/metrics');
    other.samples.push(two.ms);
    Object.assign(other, { bytes: two.text.length, series: seriesIn(two.text) });
  }
  const self = JSON.parse((await get(PORTS.compart, '/self')).text) as Self;
  Object.assign(compart, { rssBytes: rssOf(own.pid), blockedMs: self.blockedMs });
  if (other !== null) other.rssBytes = rssOf(peer?.pid);
  return results;
}

const MIB = 2 ** 20;

function rowOf({ name, compartments, samples, bytes, series, rssBytes, blockedMs }: Result): string {
  const cells = [
    name,
    String(compartments),
    String(series),
    median(samples).toFixed(1),
    Math.min(...samples).toFixed(1),
    Math.max(...samples).toFixed(1),
    blockedMs === null ? '-' : blockedMs.toFixed(1),
    (rssBytes / MIB).toFixed(0),
    (bytes / 1024).toFixed(0),
  ];
  return `| ${cells.join(' | ')} |`;
}

function publish(results: readonly Result[], notes: readonly string[]): void {
  const lines = [
    `\`npm run bench -- scrape\` on ${machine()}; ${ROUNDS} interleaved scrapes over HTTP, milliseconds, MiB, KiB.`,
    '',
    '| exporter | compartments | series | median | fastest | slowest | loop blocked, longest | RSS | bytes |',
    '|---|---|---|---|---|---|---|---|---|',
    ...results.map(rowOf),
    '',
    ...notes.map((note) => `- ${note}`),
  ];
  writeTopic('scrape', lines, { results });
}

/** What a scrape costs, beside an exporter that reads the same processes. */
export async function scrape(): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/compart-bench-`);
  const env = {
    ...process.env,
    COMPART_STATE: `${dir}/state`,
    COMPART_CGROUP: `/compart-bench-${process.pid}`,
  };
  const host = await Host.current(new Caller({ env })).ready();
  const fleet = new Fleet(host);
  const own = spawn(process.execPath, [process.argv[1] ?? ''], {
    env: { ...env, BENCH_SCRAPE_PORT: String(PORTS.compart) },
    stdio: 'inherit',
  });
  const peer = startPeer(dir);
  const results: Result[] = [];
  try {
    if (!(await answers(PORTS.compart))) throw new Error('the exporter does not answer');
    const peerAnswers = await answers(PORTS.peer);
    for (const size of SIZES) {
      await fleet.grow(size);
      results.push(...(await measure(size, peerAnswers ? peer : null, own)));
    }
    publish(results, [
      'each compartment has limits of memory, CPU and tasks and one process that sleeps; 100 at the level full, 1,000 at core',
      peerAnswers
        ? `${PEER} as Debian has it, with a group for each of the same processes; it reads /proc alone`
        : `not measured: ${PEER}: not installed`,
      ...PUBLISHED,
    ]);
  } finally {
    own.kill('SIGKILL');
    peer.kill('SIGKILL');
    await fleet.end();
    rmSync(dir, { recursive: true, force: true });
  }
}
