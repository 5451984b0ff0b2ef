import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { bootTimes, type Part } from './guest-boot.js';
import { Bench, kernels, type BenchKernel } from './guest-host.js';
import { kernelTimes } from './guest-kernel.js';
import { lifeTimes } from './guest-life.js';
import { manyTimes } from './guest-many.js';
import { workTimes } from './guest-work.js';
import { machine } from './machine.js';
import { writeSection } from './table.js';

const loadNow = (): string => readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '';

/** Each part, and what a part of the tables says of itself. */
const PARTS: Readonly<Record<string, (bench: Bench, list: readonly BenchKernel[]) => Promise<Part>>> = {
  boot: bootTimes,
  kernel: kernelTimes,
  many: manyTimes,
  life: lifeTimes,
  work: workTimes,
};

/** What a guest costs: to boot, to keep and to work in, beside the same without one. */
export async function guest(): Promise<void> {
  const { list, absent } = kernels();
  const bench = new Bench();
  const parts: Array<readonly [string, Part]> = [];
  const before = loadNow();
  try {
    for (const [name, measure] of Object.entries(PARTS)) parts.push([name, await measure(bench, list)]);
  } finally {
    await bench.end();
  }
  const load = `${before} to ${loadNow()}`;
  const lines = [
    `\`npm run bench -- guest\` on ${machine()}; load average ${load}. ` +
      'Medians of interleaved rounds. Where others use the machine as well, ratios within a table are to be trusted ' +
      'before absolute numbers, and no further than the bubblewrap column shows: a loop of arithmetic or a getpid(2) ' +
      'costs under bubblewrap what it costs natively, so that what differs from 1 there is noise.',
    ...(absent.length === 0 ? [] : ['']),
    ...absent.map((line) => `Not measured: ${line}.`),
    ...parts.flatMap(([, { lines: own }]) => ['', ...own]),
  ];
  const samples = Object.fromEntries(parts.map(([name, part]) => [name, part.samples]));
  publishGuest(lines, { topic: 'guest', machine: machine(), load, ...samples });
}

function publishGuest(lines: readonly string[], all: unknown): void {
  mkdirSync('docs/benchmarks', { recursive: true });
  writeFileSync('docs/benchmarks/guest.md', ['# Guests', '', ...lines, ''].join('\n'));
  writeFileSync('docs/benchmarks/guest.json', `${JSON.stringify(all, null, 1)}\n`);
  writeSection('docs/guests.md', 'guest', lines);
}
