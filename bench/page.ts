import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { machine } from './machine.js';

/** What all topics write to: a section each, between marks, with words of ours around it. */
const PAGE = 'docs/benchmarks.md';

/**
 * Prints what a topic has measured, puts it into its section of docs/benchmarks.md, and writes the samples beside it.
 * @param data for docs/benchmarks/TOPIC.json
 */
export function writeTopic(topic: string, lines: readonly string[], data: object): void {
  const [open, close] = [`<!-- bench:${topic} -->`, `<!-- /bench:${topic} -->`];
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.indexOf(open), page.indexOf(close)];
  if (before < 0 || after < before) throw new Error(`${PAGE} has no section ${open}`);
  const text = lines.join('\n').trim();
  writeFileSync(PAGE, `${page.slice(0, before)}${open}\n\n${text}\n\n${page.slice(after)}`);
  mkdirSync('docs/benchmarks', { recursive: true });
  const json = JSON.stringify({ topic, machine: machine(), ...data }, null, 1);
  writeFileSync(`docs/benchmarks/${topic}.json`, `${json}\n`);
  process.stdout.write(`${text}\n\n`);
}
