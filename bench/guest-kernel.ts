import { mkdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { kernelWords } from '../src/kernel/uml/words.js';
import type { Part } from './guest-boot.js';
import type { Bench, BenchKernel } from './guest-host.js';
import { time, type Command } from './launch.js';
import { median, type Series } from './table.js';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15);
const MEMORY_BYTES = 64 * 2 ** 20;

/** A start of a kernel with nothing around it: hostfs of a folder whose init powers off. */
function alone({ name, words: [, path = ''], before }: BenchKernel, folder: string): Command {
  const origin = path.includes('/kernels/') ? 'compart' : 'debian';
  const cpuinfo = readFileSync('/proc/cpuinfo', 'utf8');
  const own = kernelWords({ kernel: { origin }, memoryBytes: MEMORY_BYTES, cpuinfo, disks: [] });
  // Without a folder it is the host's own root.
  const words = own.map((word) => (word === 'rootflags=/' ? `rootflags=${folder}` : word));
  return {
    name: `${name}, with the words that compart gives it`,
    argv: ['setarch', '-R', 'taskset', '-c', '0', ...before, path, ...words],
  };
}

/** What somebody types who has read its manual page only. */
const plain = ({ name, words: [, path = ''], before }: BenchKernel, folder: string): Command => ({
  name: `${name}, as it is`,
  argv: [
    ...before,
    path,
    'mem=64M',
    'rootfstype=hostfs',
    `rootflags=${folder}`,
    'ro',
    'init=/init',
    'con=null',
  ],
});

/** Kernels alone, from the start of the program to its end. */
export async function kernelTimes(bench: Bench, kernels: readonly BenchKernel[]): Promise<Part> {
  const folder = `${bench.dir}/kernel-root`;
  mkdirSync(folder);
  await execa('cc', ['-O2', '-static', '-o', `${folder}/init`, 'bench/guest-init.c']);
  const commands = kernels.flatMap((kernel) => [alone(kernel, folder), plain(kernel, folder)]);
  const series: Series[] = commands.map(({ name }) => ({ name, samples: [] }));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [index, command] of commands.entries()) series[index]?.samples.push(await time(command));
  const base = Math.min(...series.map(({ samples }) => median(samples)));
  return {
    lines: [
      `| a kernel alone, ${ROUNDS} rounds: a folder for a root, an init that powers off | median, ms | × the fastest |`,
      '|---|---|---|',
      ...series.map(({ name, samples }) => {
        const middle = median(samples);
        return `| ${name} | ${middle.toFixed(1)} | ${(middle / base).toFixed(1)} |`;
      }),
    ],
    samples: series,
  };
}
