import { machine } from './machine.js';
import { writeTopic } from './page.js';

/** One thing measured: samples in milliseconds. */
export interface Series {
  name: string;
  samples: number[];
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Publishes one table, of what was started again and again. */
export function publish(topic: string, series: readonly Series[], notes: readonly string[]): void {
  const base = median(series[0]?.samples ?? []);
  const rows = series.map(({ name, samples }) => {
    const middle = median(samples);
    return `| ${name} | ${middle.toFixed(2)} | ${Math.min(...samples).toFixed(2)} | ${(middle / base).toFixed(1)} |`;
  });
  const lines = [
    `\`npm run bench -- ${topic}\` on ${machine()}; ${series[0]?.samples.length ?? 0} interleaved rounds, milliseconds.`,
    '',
    '| command | median | fastest | × the first |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...notes.map((note) => `- ${note}`),
  ];
  writeTopic(topic, lines, { series });
}
