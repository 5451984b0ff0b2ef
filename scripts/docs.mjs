// Generates docs/errors.md from the table in src/shared/errors.ts and docs/metrics.md from that in src/metrics/table.ts.
// With --check it writes nothing and fails if a file differs.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** What a module of src/ exports. */
async function load(file) {
  const options = { bundle: true, platform: 'node', format: 'esm', write: false };
  const { outputFiles } = await build({ entryPoints: [file], ...options });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

const { ERROR_CODES } = await load('src/shared/errors.ts');
const { OF_COMPARTMENTS, OF_HOST } = await load('src/metrics/table.ts');
const { unitOf } = await load('src/metrics/family.ts');

const table = (header, rows) => {
  const [head, ...lines] = [header, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [head, `|${'---|'.repeat(header.length)}`, ...lines].join('\n');
};

const errors = table(
  ['code', 'exit status', 'raised when'],
  Object.entries(ERROR_CODES).map(([code, { exitCode, when }]) => [`\`${code}\``, exitCode, when]),
);

const FAMILIES = [...OF_COMPARTMENTS, ...OF_HOST];
const labelsOf = ({ labels }) =>
  Object.entries(labels)
    .map(([name, values]) => (values.length === 0 ? name : `${name}=${values.join(',')}`))
    .join(', ') || '-';
const metrics = table(
  ['name', 'type', 'unit', 'labels', 'scope', 'level', 'help'],
  FAMILIES.map((family) => {
    const { name, type, scope, level, help } = family;
    return [`\`${name}\``, type, unitOf(name) ?? '-', labelsOf(family), scope, level, help];
  }),
);
const sources = table(
  ['name', 'cgroup v2', 'cgroup v1'],
  FAMILIES.map(({ name, v2, v1 }) => [`\`${name}\``, v2, v1 === v2 ? 'the same' : v1]),
);

const PAGES = {
  'docs/errors.md': `# Errors

Generated from \`src/shared/errors.ts\` by \`npm run docs\`. Codes are stable. With \`--json\` an error is
\`{"error":{"code","message","hint"}}\` on stderr; without, the message and the hint, each line starting \`compart: \`.

${errors}
`,
  'docs/metrics.md': `# Metrics

Generated from \`src/metrics/table.ts\` by \`npm run docs\`. Names and labels do not change within a major version.

\`compart metrics\` prints all of them once, for node_exporter's textfile collector (\`--out\`) and for cron. A Node
service adds them to its own prom-client registry with \`registerCompartCollector(registry)\`. Both formats, text 0.0.4 and
OpenMetrics 1.0, come from the same table; over HTTP the Accept header decides.

## Rules

- Every series of a compartment has the label \`compartment\`, its name, and at most one more, from a closed list. Labels of
  users stand on \`compart_labels\` alone (\`label_team="web"\`), those that were asked for, at most 10.
- Limits stand beside usage under the same noun; unlimited is \`+Inf\`. Counters are the kernel's own and are there, as 0,
  from the beginning. There are no percentages and no timestamps.
- What a kernel does not report is left out. A compartment that is gone is absent from the next scrape; one that has
  ended and was kept loses its gauges of what runs, and keeps the rest.
- \`core\` is what is shown above 300 compartments, unless \`--level full\` asks for all.
- One bad file or one dead compartment never fails a scrape: it counts in \`compart_collector_errors_total\`.
- A stack of its own has network metrics, a compartment on the host's has none. Bytes are those of the link: of several
  segments of TCP that the kernel hands over as one it counts the headers once, the limiter each time. A full download by
  TCP shows 96 to 97% of its limit, by UDP 100%.

## Totals that outlive compartments

\`compart_host_*\` add up what lives and what is gone, so that a command of 100 ms between two scrapes is seen: its CPU time,
its bytes, its OOM kills, how it ended. They come from the exit records; the counters of a compartment that is removed
without one (\`load\`, \`--keep\`, \`rm --force\`, \`gc\`) are noted at its removal. Records that are older than the last 1,000 are
folded into one file first. All of it is in the state folder, which in /run begins anew with every boot. What somebody
damages or a full disk cannot take is missing; a process that goes on scraping remembers it.

| reason | a run ended so |
|---|---|
| success | exit status 0 |
| error | another exit status |
| stopped | by SIGTERM, SIGINT or SIGHUP, which ask a program to end |
| signal | by another signal, \`compart kill\` and \`rm --force\` included |
| oom | a process of it was killed at the memory limit, whatever the command made of it |
| timeout | \`--timeout\` ran out |
| panic | of guests only |

A run that met its limit of tasks counts by its exit status; \`compart_pids_limit_hits_total\` tells of it.

## The table

Scope: c every compartment, g guests, h the host.

${metrics}

## Where it is read

The twin is the group of the same name in the v2 mount of a hybrid host.

${sources}
`,
};

let stale = false;
for (const [file, text] of Object.entries(PAGES)) {
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`${file} is out of date: npm run docs\n`);
    stale = true;
  }
}
process.exit(stale ? 1 : 0);
