import { mkdirSync, writeFileSync } from 'node:fs';
import { machine } from './machine.js';

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

/** Prints the table, and writes it to docs/benchmarks/TOPIC.md with the samples as JSON beside it. */
export function publish(
  topic: string,
  title: string,
  series: readonly Series[],
  notes: readonly string[],
): void {
  const base = median(series[0]?.samples ?? []);
  const rows = series.map(({ name, samples }) => {
    const middle = median(samples);
    return `| ${name} | ${middle.toFixed(2)} | ${Math.min(...samples).toFixed(2)} | ${(middle / base).toFixed(1)} |`;
  });
  const text = [
    `# ${title}`,
    '',
    `\`npm run bench -- ${topic}\` on ${machine()}; ${series[0]?.samples.length ?? 0} interleaved rounds, milliseconds.`,
    '',
    '| command | median | fastest | × the first |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
  process.stdout.write(`${text}\n`);
  mkdirSync('docs/benchmarks', { recursive: true });
  writeFileSync(`docs/benchmarks/${topic}.md`, text);
  writeFileSync(
    `docs/benchmarks/${topic}.json`,
    `${JSON.stringify({ topic, machine: machine(), series }, null, 1)}\n`,
  );
}
