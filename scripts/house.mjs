// The house rules that no linter knows: sizes of files, and words that never belong in them.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LONGEST = 300;
const files = execFileSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', 'src', 'native', 'test', 'bench', 'bin', 'dashboards'],
  { encoding: 'utf8' },
)
  .split('\n')
  .filter((file) => /\.(ts|c|h)$/.test(file));
const faults = [];
for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n').length - 1;
  if (lines > LONGEST) faults.push(`${file}: ${lines} lines, at most ${LONGEST}`);
  if (!file.startsWith('src/')) continue;
  if (/shell: *true|execSync\(/.test(text)) faults.push(`${file}: a shell string`);
  if (/\bTODO\b|\bFIXME\b/.test(text)) faults.push(`${file}: unfinished`);
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exit(faults.length === 0 ? 0 : 1);
