import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { parseIperf } from '../test/support/iperf.js';
import type { Part } from './guest-boot.js';
import type { Bench, BenchKernel } from './guest-host.js';
import { time, type Command } from './launch.js';
import { median } from './table.js';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5);
const IDLE_S = 10;
const MIB = 2 ** 20;
const STREAM_BYTES = 200 * MIB;
const GENERATE = ['head', '-c', String(STREAM_BYTES), '/dev/zero'];

interface Inspected {
  guest: { report: { memoryTotalBytes: number; memoryFreeBytes: number } };
  subsystems: { vm: { stats: { usageBytes: number } }; sched: { stats: { usageUs: number } } };
}

/** A table of one row a thing, and one column a kernel. */
interface Column {
  name: string;
  cells: Map<string, string>;
}

async function inspect(bench: Bench, name: string): Promise<Inspected> {
  return JSON.parse((await bench.compart('inspect', name)).stdout) as Inspected;
}

const ms = (samples: readonly number[]): string => `${median(samples).toFixed(1)} ms`;
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

/** A command in a guest that runs: by compart, and by the client that compart starts. */
async function execTimes(bench: Bench, name: string): Promise<Map<string, number[]>> {
  const folder = `${bench.env.COMPART_STATE}/compartments/${name}`;
  const commands: Command[] = [
    {
      name: '`compart exec` of `true`, whole command',
      argv: ['bin/compart', 'exec', name, '--', 'true'],
      env: bench.env,
    },
    {
      name: 'of that, the client and the guest',
      argv: ['native/build/compart-guest', 'exec', folder, '--', 'true'],
    },
  ];
  const found = new Map(commands.map((command) => [command.name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const command of commands) found.get(command.name)?.push(await time(command));
  return found;
}

/** What a guest of 64 MiB costs that does nothing. */
async function idle(bench: Bench, name: string): Promise<Array<[string, string]>> {
  await delay(6000); // until it has reported after its boot
  const before = await inspect(bench, name);
  const from = performance.now();
  await delay(IDLE_S * 1000);
  const after = await inspect(bench, name);
  const seconds = (performance.now() - from) / 1000;
  const spent = after.subsystems.sched.stats.usageUs - before.subsystems.sched.stats.usageUs;
  const { memoryTotalBytes, memoryFreeBytes } = after.guest.report;
  const charged = after.subsystems.vm.stats.usageBytes;
  const own = memoryTotalBytes - memoryFreeBytes;
  return [
    ['memory charged on the host, idle with 64 MiB', mib(charged)],
    ['of that, in use by the guest itself (MemTotal − MemFree)', mib(own)],
    ['beyond', mib(charged - own)],
    [`CPU over ${IDLE_S} s of idling`, `${((spent / 1e6 / seconds) * 100).toFixed(2)}%`],
  ];
}

/** Milliseconds that a whole `boot -- COMMAND` takes with a stream through it. */
async function stream(bench: Bench, kernel: BenchKernel, how: 'out' | 'in' | 'cat'): Promise<number> {
  const inside = { out: GENERATE, in: ['sh', '-c', 'cat >/dev/null'], cat: ['cat'] }[how];
  const { NODE_EXTRA_CA_CERTS: _unset, ...inherited } = process.env;
  const source =
    how === 'out' ? null : spawn('head', GENERATE.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
  const started = performance.now();
  const guest = spawn('bin/compart', ['boot', ...kernel.words, '--', ...inside], {
    stdio: [source === null ? 'ignore' : source.stdout, 'pipe', 'inherit'],
    env: { ...inherited, ...bench.env },
  });
  let came = 0;
  guest.stdout.on('data', (piece: Buffer) => (came += piece.length));
  await new Promise((resolve, reject) => guest.once('close', resolve).once('error', reject));
  const wanted = how === 'in' ? 0 : STREAM_BYTES;
  if (came !== wanted) throw new Error(`${how}: ${came} bytes came of ${wanted}`);
  return performance.now() - started;
}

let port = 5700;

async function iperf(words: (...client: string[]) => Promise<string>, ...flags: string[]): Promise<number> {
  port += 1;
  const server = execa('iperf3', ['-s', '-1', '-p', String(port)], { stdout: 'ignore' });
  await delay(300);
  const client = ['iperf3', '-c', 'host.compart.internal', '-p', String(port)];
  const said = await words(...client, '-t', String(SECONDS), '-O', '1', '-J', ...flags);
  await server;
  return parseIperf(said).mbit;
}

type Asks = (...client: string[]) => Promise<string>;

async function bandwidth(asks: Asks): Promise<{ down: number; up: number }> {
  return { down: await iperf(asks, '-R'), up: await iperf(asks) };
}

const gbit = ({ down, up }: { down: number; up: number }): string =>
  `${(down / 1000).toFixed(2)} down, ${(up / 1000).toFixed(2)} up`;

async function columnOf(bench: Bench, kernel: BenchKernel): Promise<{ column: Column; samples: unknown }> {
  const cells = new Map<string, string>();
  const samples: Record<string, unknown> = {};
  await bench.withGuest('bench', [...kernel.words, '--mem', '64M'], async () => {
    for (const [name, value] of await idle(bench, 'bench')) cells.set(name, value);
    for (const [name, times] of await execTimes(bench, 'bench')) {
      cells.set(name, ms(times));
      samples[name] = times;
    }
  });
  for (const how of ['out', 'in', 'cat'] as const) {
    const times: number[] = [];
    for (let round = 0; round < 3; round += 1) times.push(await stream(bench, kernel, how));
    const title = { out: 'out of `boot -- head`', in: 'into `boot -- cat`', cat: 'through `boot -- cat`' }[
      how
    ];
    const rate = STREAM_BYTES / 1e6 / (median(times) / 1000);
    cells.set(`200 MiB ${title}, boot and end included`, `${rate.toFixed(0)} MB/s`);
    samples[how] = times;
  }
  await bench.withGuest('bench', [...kernel.words, '--mem', '256M', '--net', 'max'], async () => {
    const asks: Asks = async (...client) => (await bench.compart('exec', 'bench', '--', ...client)).stdout;
    const rates = await bandwidth(asks);
    cells.set('iperf3 with `--net max`, Gbit/s', gbit(rates));
    samples['iperf3'] = rates;
  });
  return { column: { name: kernel.name, cells }, samples };
}

/** The same with the host's kernel, where there is such a thing. */
async function ofTheHost(bench: Bench): Promise<{ column: Column; samples: unknown }> {
  const run: Asks = async (...client) => (await bench.compart('run', '--net', 'max', '--', ...client)).stdout;
  const rates = await bandwidth(run);
  const cells = new Map([['iperf3 with `--net max`, Gbit/s', gbit(rates)]]);
  await bench.compart('load', 'vm', '--name', 'bench', '--mem', '64M');
  const command: Command = {
    name: '`compart exec` of `true`, whole command',
    argv: ['bin/compart', 'exec', 'bench', '--', 'true'],
    env: bench.env,
  };
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) times.push(await time(command));
  await bench.compart('rm', '--force', 'bench');
  cells.set(command.name, ms(times));
  return { column: { name: 'a compartment', cells }, samples: { iperf3: rates, exec: times } };
}

/** A guest that is up: commands in it, what it costs while it idles, streams, and its network. */
export async function lifeTimes(bench: Bench, kernels: readonly BenchKernel[]): Promise<Part> {
  const host = await ofTheHost(bench);
  const guests: Array<{ column: Column; samples: unknown }> = [];
  for (const kernel of kernels) guests.push(await columnOf(bench, kernel));
  const all = [...guests, host].map(({ column }) => column);
  const titles = [...(guests[0]?.column.cells.keys() ?? [])];
  return {
    lines: [
      `| a guest that is up | ${all.map(({ name }) => name).join(' | ')} |`,
      `|---|${'---|'.repeat(all.length)}`,
      ...titles.map(
        (title) => `| ${title} | ${all.map(({ cells }) => cells.get(title) ?? '-').join(' | ')} |`,
      ),
    ],
    samples: [...guests, host].map(({ column, samples }) => ({ name: column.name, samples })),
  };
}
