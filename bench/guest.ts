import { readFileSync } from 'node:fs';
import { bootTimes, type Part } from './guest-boot.js';
import { Bench, kernels, type BenchKernel } from './guest-host.js';
import { kernelTimes } from './guest-kernel.js';
import { lifeTimes } from './guest-life.js';
import { manyTimes } from './guest-many.js';
import { workTimes } from './guest-work.js';
import { machine } from './machine.js';
import { writeTopic } from './page.js';

const loadNow = (): string => readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '';

/** By the name that its samples have. */
type Parts = Readonly<Record<string, (bench: Bench, list: readonly BenchKernel[]) => Promise<Part>>>;

/** What a guest costs to boot, beside other ways to start a program. */
export const boot = (): Promise<void> => measure('boot', { boot: bootTimes, kernel: kernelTimes }, []);

/** What a guest costs to keep and to work in, beside the same without one. */
export const guest = (): Promise<void> =>
  measure('guest', { many: manyTimes, life: lifeTimes, work: workTimes }, [
    'Where others use the machine as well, ratios within a table are to be trusted before absolute numbers, and no further ' +
      'than the bubblewrap column shows: a loop of arithmetic or a getpid(2) costs under bubblewrap what it costs natively, ' +
      'so that what differs from 1 there is noise.',
  ]);

async function measure(topic: string, all: Parts, words: readonly string[]): Promise<void> {
  const { list, absent } = kernels();
  const bench = new Bench();
  const parts: Array<readonly [string, Part]> = [];
  const before = loadNow();
  try {
    for (const [name, part] of Object.entries(all)) parts.push([name, await part(bench, list)]);
  } finally {
    await bench.end();
  }
  const load = `${before} to ${loadNow()}`;
  const lines = [
    [
      `\`npm run bench -- ${topic}\` on ${machine()}; load average ${load}. Medians of interleaved rounds.`,
      ...words,
    ].join(' '),
    ...(absent.length === 0 ? [] : ['']),
    ...absent.map((line) => `Not measured: ${line}.`),
    ...parts.flatMap(([, { lines: own }]) => ['', ...own]),
  ];
  writeTopic(topic, lines, {
    load,
    ...Object.fromEntries(parts.map(([name, part]) => [name, part.samples])),
  });
}
