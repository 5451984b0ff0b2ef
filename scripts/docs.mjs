// Generates docs/errors.md from the table in src/shared/errors.ts. With --check it writes nothing and fails if the
// file differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: ['src/shared/errors.ts'],
  bundle: true,
  format: 'esm',
  write: false,
});
const { ERROR_CODES } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);

const rows = Object.entries(ERROR_CODES).map(
  ([code, { exitCode, when }]) => `| \`${code}\` | ${exitCode} | ${when} |`,
);
const text = `# Errors

Generated from \`src/shared/errors.ts\` by \`npm run docs\`. Codes are stable. With \`--json\` an error is
\`{"error":{"code","message","hint"}}\` on stderr; without, the message and the hint, each line starting \`compart: \`.

| code | exit status | raised when |
|---|---|---|
${rows.join('\n')}
`;
const file = 'docs/errors.md';
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write(`${file} is out of date: npm run docs\n`);
  process.exit(1);
}
