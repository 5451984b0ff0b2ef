// npm run soak [-- [KILLS] [--seed N]]: kills compart at random instants, 500 times if nothing else is said, and then looks for
// what is left (test/hostile/soak.test.ts). The seed is printed; the same repeats the same kills, though not their instants to
// the microsecond.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' } },
  allowPositionals: true,
});
const kills = positionals[0] ?? '500';
const seed = values.seed ?? String(Date.now() % 2 ** 32);
for (const number of [kills, seed]) {
  if (/^\d+$/.test(number)) continue;
  process.stderr.write(`soak: "${number}" is no number\nusage: npm run soak -- [KILLS] [--seed N]\n`);
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand', 'test/hostile/soak'],
  { stdio: 'inherit', env: { ...process.env, COMPART_SOAK_KILLS: kills, COMPART_SOAK_SEED: seed } },
);
process.exit(status ?? 1);
