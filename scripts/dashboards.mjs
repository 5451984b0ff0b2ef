// Writes the dashboards of dashboards/src to dashboards/*.json; a test fails where they differ.
import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: ['dashboards/src/index.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  write: false,
});
const { dashboardFiles } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);
for (const [file, text] of dashboardFiles()) writeFileSync(`dashboards/${file}`, text);
