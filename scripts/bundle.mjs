// Builds dist/bin: main.cjs is the whole program, launch.cjs the same with no verb but run and exec; each library that only some verbs need is a file of its
// own beside it, read when it is first imported. CommonJS, because Node starts it faster than modules.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { build } from 'esbuild';

const LAZY = ['yargs', 'yaml', 'execa'];
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
};

const lazily = {
  name: 'lazily',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^(${LAZY.join('|')})$`) }, ({ path, importer }) =>
      importer === '' ? null : { path: `./vendor-${path}.cjs`, external: true },
    );
  },
};

/** Verbs that launch.cjs leaves to main.cjs (bin/compart.js): never loaded from it. */
const launchOnly = {
  name: 'launch-only',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(commands\/|complete\.js)/ }, ({ path, kind }) =>
      kind !== 'dynamic-import' || /\/(run|exec)\.js$/.test(path) ? null : { path, external: true },
    );
  },
};

/** yargs-parser makes a require() for configuration files, which are not used here; node:module takes Node 1 ms to load. */
const withoutModule = {
  name: 'without-module',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:module$/ }, ({ importer }) =>
      importer.includes('/yargs-parser/') ? { path: 'node:module', namespace: 'absent' } : null,
    );
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: 'export const createRequire = undefined;',
    }));
  },
};

const metaUrl = { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" };
// A default import of a CommonJS file is its module.exports.
const defaultFirst = {
  js: 'if (module.exports.default) module.exports = Object.assign(module.exports.default, module.exports);',
};
const define = { 'import.meta.url': 'importMetaUrl' };

const program = (outfile, ...plugins) =>
  build({
    ...common,
    define,
    banner: metaUrl,
    entryPoints: ['src/cli/main.ts'],
    outfile,
    // It runs as a script (bin/compart.js), in which import() is not to be had.
    supported: { 'dynamic-import': false },
    plugins: [lazily, withoutModule, ...plugins],
  });

await Promise.all([
  program('dist/bin/main.cjs'),
  program('dist/bin/launch.cjs', launchOnly),
  ...LAZY.map((name) =>
    build({
      ...common,
      define,
      banner: metaUrl,
      footer: defaultFirst,
      minify: true,
      entryPoints: [name],
      outfile: `dist/bin/vendor-${name}.cjs`,
    }),
  ),
]);

// V8's own cache of each program, compiled, taken after a run so that it holds the functions a run needs. It is
// valid for the Node that made it; another one compiles as usual (bin/compart.js).
const state = mkdtempSync(`${tmpdir()}/compart-build-`);
const env = { ...process.env, COMPART_WRITE_CACHE: '1', COMPART_STATE: state };
for (const words of [['doctor'], ['run', '--mem', '64M', '--cpu', '50%', '--pids', '100', '--', 'true']])
  spawnSync('bin/compart', words, { env, stdio: 'ignore' });
rmSync(state, { recursive: true });
