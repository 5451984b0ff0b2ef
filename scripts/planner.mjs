// Compiles dist/bin/planner.cjs into dist/bin/planner, which starts in less time than Node alone. Where Bun is not to be had
// or its program does not run, there is none, and Node plans (native/planner.c).
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const PROGRAM = 'dist/bin/planner.cjs';
// Embedded beside it, and evaluated when they are first asked for (scripts/bundle.mjs).
const LIBRARIES = ['yargs', 'yaml'].map((name) => `dist/bin/vendor-${name}.cjs`);
const PLANNER = 'dist/bin/planner';
const PACKAGES = { x64: '@oven/bun-linux-x64', arm64: '@oven/bun-linux-aarch64' };

// Nothing is read from the directory it is started in: it may be anybody's, and the caller root.
const FLAGS = [
  '--compile',
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  '--no-compile-autoload-tsconfig',
  '--no-compile-autoload-package-json',
  '--bytecode',
  '--minify',
  '--format=cjs',
  '--external=/$bunfs/*',
];

/** The compiler, or null where npm has not installed it. */
function bun() {
  try {
    return createRequire(import.meta.url).resolve(`${PACKAGES[process.arch]}/bin/bun`);
  } catch {
    return null;
  }
}

const { COMPART_FRONT: _front, BUN_OPTIONS: _options, BUN_BE_BUN: _be, ...env } = process.env;

/** What a program says of `run --help`, or null where it does not run. */
function help(...words) {
  const { status, stdout } = spawnSync(words[0], [...words.slice(1), 'run', '--help'], {
    env,
    encoding: 'utf8',
  });
  return status === 0 ? stdout : null;
}

/** Builds it; says why not. */
function compile(compiler) {
  if (compiler === null) return 'Bun is not installed';
  const made = `${PLANNER}.new`;
  const argv = ['build', ...FLAGS, PROGRAM, ...LIBRARIES, `--outfile=${made}`];
  const { status, stderr, error } = spawnSync(compiler, argv, { env, encoding: 'utf8' });
  if (status !== 0) return `Bun cannot compile it: ${error?.message ?? stderr.trim()}`;
  const said = help(`./${made}`);
  if (said === null || said !== help('node', 'bin/compart.js')) return 'what Bun compiled does not run here';
  renameSync(made, PLANNER);
  return null;
}

const why = compile(bun());
rmSync(`${PLANNER}.new`, { force: true });
rmSync(PROGRAM);
if (why !== null) {
  rmSync(PLANNER, { force: true });
  process.stdout.write(`no ${PLANNER}: ${why}; Node plans\n`);
}
