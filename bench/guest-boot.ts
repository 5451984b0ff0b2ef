import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, BenchKernel } from './guest-host.js';
import { time, type Command } from './launch.js';
import { probe } from './peers.js';
import { podman } from './podman.js';
import { median, type Series } from './table.js';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15);
const BWRAP = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--unshare-all'];

/** What the boots of a bench showed, as lines of a page and as samples. */
export interface Part {
  lines: string[];
  samples: unknown;
}

/** Rows of `compart boot --trace`, in milliseconds. */
function stagesOf(stderr: string): Map<string, number> {
  const rows = stderr
    .split('\n')
    .slice(1)
    .map((line) => line.replace(/^compart: /, '').trim());
  return new Map(
    rows.filter(Boolean).map((row) => {
      const [name = '', ms] = row.split(/\s+/);
      return [name, Number(ms)];
    }),
  );
}

/** Ways to start `true` besides compart's that work here; and why others do not. */
async function others(): Promise<{ commands: Command[]; absent: string[] }> {
  const image = ['--rm', '--network=none', 'localhost/compart-bench', '/bin/true'];
  const list = [
    await probe('bubblewrap, all namespaces', ['bwrap', ...BWRAP, 'true']),
    { name: 'podman run', ...(await podman('--network=none')) },
    await probe('docker run', ['docker', 'run', ...image]),
  ];
  const qemu = await probe('qemu, TCG', ['qemu-system-x86_64', '--version']);
  return {
    commands: list.flatMap(({ name, argv }) => (argv === null ? [] : [{ name, argv }])),
    absent: [
      ...list.flatMap(({ name, argv, why }) => (argv === null ? [`${name}: ${why ?? ''}`] : [])),
      `qemu, TCG: ${qemu.argv === null ? (qemu.why ?? '') : 'needs a kernel image and a root of its own'}`,
    ],
  };
}

/** A guest is booted for the next round while nothing is measured. */
async function poolIsFull(bench: Bench): Promise<void> {
  for (;;) {
    const { stdout } = await bench.compart('warm', '--status', '--json');
    const { guests } = JSON.parse(stdout) as { guests: { waiting: number; size: number } };
    if (guests.waiting === guests.size) return;
    await delay(20);
  }
}

/** From the call of the whole command to its end, and where the time goes. */
export async function bootTimes(bench: Bench, kernels: readonly BenchKernel[]): Promise<Part> {
  const { env } = bench;
  const { commands, absent } = await others();
  // Of a service, which is there for the rows of warm paths, the others know nothing.
  const cold = { ...env, COMPART_PLANNER: 'cold' };
  const boots = kernels.map(({ name, words }): Command => ({
    name: `compart boot, ${name}`,
    argv: ['bin/compart', 'boot', ...words, '--', 'true'],
    env: cold,
  }));
  const fastest = kernels.at(-1)?.words ?? [];
  const warm: Command[] = [
    {
      name: 'the last, through `compart warm`',
      argv: ['bin/compart', 'boot', ...fastest, '--mem', '512M', '--', 'true'],
      env,
    },
    {
      name: 'the last, from a pool of `compart warm --guests`',
      argv: ['bin/compart', 'boot', ...fastest, '--', 'true'],
      env,
    },
  ];
  const all: Command[] = [
    { name: 'node -e 0', argv: ['node', '-e', '0'] },
    { name: 'compart run', argv: ['bin/compart', 'run', '--', 'true'], env: cold },
    ...commands,
    ...boots,
    ...warm,
  ];
  const series: Series[] = all.map(({ name }) => ({ name, samples: [] }));
  const traces = kernels.map(() => [] as Array<Map<string, number>>);
  await bench.compart('warm', '--guests', '1', ...fastest);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, command] of all.entries()) {
      await poolIsFull(bench);
      series[index]?.samples.push(await time(command));
    }
    for (const [index, { words }] of kernels.entries())
      traces[index]?.push(stagesOf((await bench.compart('boot', '--trace', ...words, '--', 'true')).stderr));
  }
  await bench.compart('warm', '--stop');
  return {
    lines: [...timesTable(series), '', ...stagesTable(kernels, traces), '', ...notMeasured(absent)],
    samples: { series, stages: traces.map((list) => list.map((trace) => Object.fromEntries(trace))) },
  };
}

const notMeasured = (absent: readonly string[]): string[] => absent.map((why) => `- not measured: ${why}`);

function timesTable(series: readonly Series[]): string[] {
  const base = median(series[0]?.samples ?? []);
  return [
    `| \`true\`, from call to end, ${ROUNDS} rounds | median, ms | fastest, ms | more than the first, ms |`,
    '|---|---|---|---|',
    ...series.map(({ name, samples }) => {
      const middle = median(samples);
      return `| ${name} | ${middle.toFixed(1)} | ${Math.min(...samples).toFixed(1)} | ${(middle - base).toFixed(1)} |`;
    }),
  ];
}

function stagesTable(
  kernels: readonly BenchKernel[],
  traces: ReadonlyArray<ReadonlyArray<Map<string, number>>>,
): string[] {
  const names = [...(traces[0]?.[0]?.keys() ?? [])];
  const cell = (trace: ReadonlyArray<Map<string, number>>, name: string): string =>
    median(trace.map((stages) => stages.get(name) ?? 0)).toFixed(1);
  return [
    `| stage (\`--trace\`), median in ms | ${kernels.map(({ name }) => name).join(' | ')} |`,
    `|---|${'---|'.repeat(kernels.length)}`,
    ...names.map((name) => `| ${name} | ${traces.map((trace) => cell(trace, name)).join(' | ')} |`),
  ];
}
