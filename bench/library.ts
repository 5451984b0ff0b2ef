import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { HOSTILE } from '../test/support/hostile.js';
import { machine } from './machine.js';
import { writeTopic } from './page.js';

const IDLE_SECONDS = Number(process.env['BENCH_IDLE_SECONDS'] ?? 20);
const HOSTILE_SECONDS = Number(process.env['BENCH_SECONDS'] ?? 60);
/** Requests in flight: few, so that one delay is felt by all, and as many as a busy service has. */
const CONNECTIONS = [4, 16, 64];
const PORT = 19_260;
const URL = `http://127.0.0.1:${PORT}`;

/** Latencies in milliseconds, and requests per second. */
interface Reading {
  connections: number;
  name: string;
  p50: number;
  p90: number;
  p99: number;
  rate: number;
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

/** What wrk(1) says of /health. */
async function wrk(name: string, connections: number, seconds: number): Promise<Reading> {
  const child = spawn('chrt', [
    '--other',
    '0',
    'wrk',
    '-t2',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout=10s',
    '--latency',
    `${URL}/health`,
  ]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  const percentile = (number: number): number => {
    const [, value = 'NaN', unit = 'ms'] =
      new RegExp(`^\\s+${number}%\\s+([\\d.]+)(us|ms|s)`, 'm').exec(text) ?? [];
    return Number(value) * (UNITS[unit] ?? 1);
  };
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  return { connections, name, p50: percentile(50), p90: percentile(90), p99: percentile(99), rate };
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
    await wrk('warm', 16, 3);
    const readings: Reading[] = [];
    for (const connections of CONNECTIONS) {
      readings.push(await wrk('nobody else', connections, IDLE_SECONDS));
    }
    // The visitors are elsewhere, and so should be what sends their code: it gives way, as far as one machine can do that.
    spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)]);
    const stop = new AbortController();
    const attacked = attack(stop.signal);
    await delay(2000);
    for (const connections of CONNECTIONS) {
      readings.push(await wrk('six hostile visitors', connections, HOSTILE_SECONDS));
    }
    stop.abort();
    publish(readings, await attacked);
  } finally {
    service.kill('SIGTERM');
    await once(service, 'exit');
    rmSync(dir, { recursive: true, force: true });
  }
}

function publish(readings: readonly Reading[], answered: number): void {
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  const [alone = [], beside = []] = ['nobody else', 'six hostile visitors'].map((name) =>
    readings.filter((reading) => reading.name === name),
  );
  const rows = alone.map((idle, index) => {
    const under = beside[index];
    const cells = [idle.p50, idle.p99, under?.p50, under?.p90, under?.p99, (under?.p99 ?? NaN) / idle.p99];
    const texts = cells.map((value) => (value ?? NaN).toFixed(2));
    return `| ${[idle.connections, ...texts, idle.rate.toFixed(0), under?.rate.toFixed(0)].join(' | ')} |`;
  });
  const lines = [
    `\`npm run bench -- library\` on ${machine()}, load average ${load} at the end: wrk (two threads) on /health of`,
    `examples/visitors.mjs, ${IDLE_SECONDS} s alone and ${HOSTILE_SECONDS} s beside visitors who send fork bomb, memory hog, busy loop, output flood,`,
    `network attempts and a killer of processes, one after the other (${answered} answered); what sends it gives way (SCHED_IDLE), as`,
    'it would be elsewhere. Milliseconds.',
    '',
    '| in flight | p50 alone | p99 alone | p50 beside | p90 beside | p99 beside | p99, times | requests/s alone | beside |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    "- The visitors' code runs with `cpuWeight: 'idle'`, and what starts it is a process of its own under SCHED_IDLE: Node starts a",
    '  process on an event loop, which stands still until the exec.',
    '- wrk and the service alone keep more than one of the CPUs busy; the load is part of the result. With few requests in flight',
    '  the p99 alone is less than one tick of the kernel: what is left then is the time the host kernel, which is not preempted,',
    '  spends on starting and ending the processes of others.',
  ];
  writeTopic('library', lines, { load, answered, readings });
}
