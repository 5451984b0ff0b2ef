// npm run soak [-- [KILLS] [--seed N]]: kills compart at random instants, 500 times if nothing else is said, and then looks for
// what is left (test/hostile/soak.test.ts). npm run soak:hostile [-- [RUNS] [--seed N]]: runs hostile programs at random, 1,000
// of them (test/hostile/runs.test.ts). The seed is printed; the same repeats the same choices, though not their instants to the
// microsecond.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const SOAKS = {
  kills: { test: 'test/hostile/soak', variable: 'COMPART_SOAK_KILLS', times: '500' },
  hostile: { test: 'test/hostile/runs', variable: 'COMPART_SOAK_RUNS', times: '1000' },
};
const [kind = '', ...argv] = process.argv.slice(2);
const { test, variable, times: usual } = SOAKS[kind];
const { values, positionals } = parseArgs({
  args: argv,
  options: { seed: { type: 'string' } },
  allowPositionals: true,
});
const times = positionals[0] ?? usual;
const seed = values.seed ?? String(Date.now() % 2 ** 32);
for (const number of [times, seed]) {
  if (/^\d+$/.test(number)) continue;
  process.stderr.write(
    `soak: "${number}" is no number\nusage: npm run soak${kind === 'kills' ? '' : ':hostile'} -- [TIMES] [--seed N]\n`,
  );
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand', test],
  { stdio: 'inherit', env: { ...process.env, [variable]: times, COMPART_SOAK_SEED: seed } },
);
process.exit(status ?? 1);
