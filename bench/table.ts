import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

/** Prints lines, and puts them between the marks of a section of a page: `<!-- bench:NAME -->`. */
export function writeSection(file: string, name: string, lines: readonly string[]): void {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const page = readFileSync(file, 'utf8');
  const [before, after] = [page.indexOf(open), page.indexOf(close)];
  if (before < 0 || after < before) throw new Error(`${file} has no section ${open}`);
  const text = `${open}\n\n${lines.join('\n')}\n\n`;
  writeFileSync(file, page.slice(0, before) + text + page.slice(after));
  process.stdout.write(`${lines.join('\n')}\n`);
}
