import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { HOSTILE } from '../test/support/hostile.js';
import { machine } from './machine.js';

const IDLE_SECONDS = Number(process.env['BENCH_IDLE_SECONDS'] ?? 20);
const HOSTILE_SECONDS = Number(process.env['BENCH_SECONDS'] ?? 60);
const PORT = 19_260;
const URL = `http://127.0.0.1:${PORT}`;

/** Latencies in milliseconds, and requests per second. */
interface Reading {
  name: string;
  p50: number;
  p90: number;
  p99: number;
  rate: number;
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

/** What wrk(1) says of /health: one thread, four connections. */
async function wrk(name: string, seconds: number): Promise<Reading> {
  const child = spawn('wrk', ['-t1', '-c4', `-d${seconds}s`, '--latency', `${URL}/health`]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  const percentile = (number: number): number => {
    const [, value = 'NaN', unit = 'ms'] =
      new RegExp(`^\\s+${number}%\\s+([\\d.]+)(us|ms|s)`, 'm').exec(text) ?? [];
    return Number(value) * (UNITS[unit] ?? 1);
  };
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  return { name, p50: percentile(50), p90: percentile(90), p99: percentile(99), rate };
}

/** Visitors who send one hostile script after the other until they are told to stop. @returns how many were answered */
async function attack(signal: AbortSignal): Promise<number> {
  const scripts = Object.values(HOSTILE);
  let answered = 0;
  const visitor = async (from: number): Promise<void> => {
    for (let next = from; !signal.aborted; next += 1) {
      const body = scripts[next % scripts.length] ?? '';
      const headers = { 'content-type': 'text/plain' };
      const answer = await fetch(`${URL}/run`, { method: 'POST', headers, body }).catch(() => null);
      await answer?.arrayBuffer();
      answered += answer?.status === 200 ? 1 : 0;
    }
  };
  await Promise.all(scripts.map((_, index) => visitor(index)));
  return answered;
}

async function start(dir: string): Promise<ChildProcess> {
  const env = { ...process.env, COMPART_STATE: `${dir}/state` };
  const child = spawn(process.execPath, ['examples/visitors.mjs', String(PORT)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

/** What the example service's other visitors feel while six of its visitors mean no good. */
export async function library(): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/compart-bench-`);
  const service = await start(dir);
  try {
    await wrk('warm', 3);
    const idle = await wrk('nobody else', IDLE_SECONDS);
    const stop = new AbortController();
    const attacked = attack(stop.signal);
    await delay(2000);
    const under = await wrk('six hostile visitors', HOSTILE_SECONDS);
    stop.abort();
    publish([idle, under], await attacked);
  } finally {
    service.kill('SIGTERM');
    await once(service, 'exit');
    rmSync(dir, { recursive: true, force: true });
  }
}

function publish(readings: readonly Reading[], answered: number): void {
  const [idle, under] = readings;
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  const rows = readings.map(
    ({ name, p50, p90, p99, rate }) =>
      `| ${name} | ${p50.toFixed(2)} | ${p90.toFixed(2)} | ${p99.toFixed(2)} | ${rate.toFixed(0)} |`,
  );
  const ratio = (under?.p99 ?? NaN) / (idle?.p99 ?? NaN);
  const text = [
    "# A service that runs its visitors' code",
    '',
    `\`npm run bench -- library\` on ${machine()}, load average ${load} at the end: wrk on /health of examples/visitors.mjs, 4`,
    `connections, ${IDLE_SECONDS} s alone and ${HOSTILE_SECONDS} s beside visitors who send fork bomb, memory hog, busy loop, output flood, network`,
    `attempts and a killer of processes, one after the other (${answered} answered).`,
    '',
    '| beside it | p50 ms | p90 ms | p99 ms | requests/s |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `- p99 is ${ratio.toFixed(1)} times what it is alone.`,
    '- The example starts its commands in a worker thread: Node starts a process on an event loop, which stands still until the',
    '  exec. wrk and the service alone keep more than one CPU busy; the load is part of the result.',
    '',
  ].join('\n');
  process.stdout.write(`${text}\n`);
  mkdirSync('docs/benchmarks', { recursive: true });
  writeFileSync('docs/benchmarks/library.md', text);
  const json = { topic: 'library', machine: machine(), load, answered, readings };
  writeFileSync('docs/benchmarks/library.json', `${JSON.stringify(json, null, 1)}\n`);
}
