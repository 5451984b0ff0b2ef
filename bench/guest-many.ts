import { inTurns } from '../src/shared/turns.js';
import type { Part } from './guest-boot.js';
import type { Bench, BenchKernel } from './guest-host.js';
import { time, type Command } from './launch.js';
import { median } from './table.js';

const ALIVE = Number(process.env['BENCH_GUESTS'] ?? 50);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15);
const AT_ONCE = 5;
const MIB = 2 ** 20;

async function boots(bench: Bench, kernel: BenchKernel): Promise<number[]> {
  const argv = ['bin/compart', 'boot', ...kernel.words, '--mem', '64M', '--', 'true'];
  const command: Command = { name: 'boot', argv, env: bench.env };
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) samples.push(await time(command));
  return samples;
}

const each = (names: readonly string[], work: (name: string) => Promise<unknown>): Promise<void> =>
  inTurns(
    names.map((name) => () => work(name)),
    AT_ONCE,
  );

/** What all that stand are charged, in MiB. */
async function chargedMib(bench: Bench): Promise<number> {
  const { stdout } = await bench.compart('ps', '--json');
  const rows = JSON.parse(stdout) as Array<{ subsystems: { vm: { stats: { usageBytes: number } } } }>;
  return rows.reduce((sum, { subsystems }) => sum + subsystems.vm.stats.usageBytes, 0) / MIB;
}

/** A boot while many guests are alive, beside one while there is none; with the fastest kernel. */
export async function manyTimes(bench: Bench, kernels: readonly BenchKernel[]): Promise<Part> {
  const kernel = kernels.at(-1);
  if (kernel === undefined) return { lines: ['- not measured: no kernel is installed'], samples: [] };
  const first = await boots(bench, kernel);
  const names = Array.from({ length: ALIVE }, (_, index) => `many-${index}`);
  const started = performance.now();
  try {
    await each(names, (name) => bench.compart('boot', ...kernel.words, '-d', '--mem', '64M', '--name', name));
    const seconds = (performance.now() - started) / 1000;
    const charged = await chargedMib(bench);
    const next = await boots(bench, kernel);
    const ratio = median(next) / median(first);
    return {
      lines: [
        `| ${ALIVE} guests of 64 MiB alive at once, ${kernel.name} | |`,
        '|---|---|',
        `| made, ${AT_ONCE} at a time | ${seconds.toFixed(1)} s |`,
        `| charged for all of them | ${charged.toFixed(0)} MiB |`,
        `| \`boot -- true\` before, median of ${ROUNDS} | ${median(first).toFixed(1)} ms |`,
        `| the same beside them | ${median(next).toFixed(1)} ms, ${ratio.toFixed(2)} × |`,
      ],
      samples: { first, next, seconds, charged },
    };
  } finally {
    await each(names, (name) => bench.compart('rm', '--force', name).catch(() => undefined));
  }
}
