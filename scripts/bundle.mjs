// Builds dist/page, the live page of `compart serve`, and dist/bin: main.cjs is the whole program, launch.cjs the same with no verb but run, exec and boot; each library that only
// some verbs need is a file of its own beside it, read when it is first imported. CommonJS, because Node starts it faster
// than modules. dist/bin/planner.cjs is launch.cjs once more, for scripts/planner.mjs to compile.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { build } from 'esbuild';

const LAZY = ['yargs', 'yaml', 'prom-client'];
/** Where a program that Bun compiled finds its own modules. */
const EMBEDDED = '/$bunfs/root';
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

/** Leaves the libraries of LAZY to files of their own, which are `file(library)` when the program runs. */
const lazily = (file) => ({
  name: 'lazily',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^(${LAZY.join('|')})$`) }, ({ path, importer }) =>
      importer === '' ? null : { path: file(path), external: true },
    );
  },
});
const beside = lazily((name) => `./vendor-${name}.cjs`);
const within = lazily((name) => `${EMBEDDED}/vendor-${name}.js`);

/** Nothing but the named verbs: the others are never asked of this program. */
const only = (...verbs) => ({
  name: 'only',
  setup({ onResolve, onLoad }) {
    const kept = new RegExp(`/(${verbs.join('|')})\\.js$`);
    onResolve({ filter: /^\.\/(commands\/|complete\.js)/ }, ({ path, kind }) =>
      kind !== 'dynamic-import' || kept.test(path) ? null : { path, namespace: 'not-here' },
    );
    onLoad({ filter: /.*/, namespace: 'not-here' }, () => ({ contents: '' }));
  },
});

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

const urlOf = (file) => ({ js: `const importMetaUrl = require('node:url').pathToFileURL(${file}).href;` });
// A default import of a CommonJS file is its module.exports.
const defaultFirst = {
  js: 'if (module.exports.default) module.exports = Object.assign(module.exports.default, module.exports);',
};
const define = { 'import.meta.url': 'importMetaUrl' };

const program = (outfile, plugins, file = '__filename') =>
  build({
    ...common,
    define,
    banner: urlOf(file),
    entryPoints: ['src/cli/main.ts'],
    outfile,
    // It runs as a script (bin/compart.js), in which import() is not to be had.
    supported: { 'dynamic-import': false },
    plugins: [withoutModule, ...plugins],
  });

/** Everything the page needs comes from the server that serves it: it works offline. */
const page = build({
  ...common,
  platform: 'browser',
  format: 'esm',
  target: ['chrome111', 'firefox115', 'safari16.4'],
  minify: true,
  entryPoints: { page: 'src/metrics/page/main.ts' },
  outdir: 'dist/page',
});
mkdirSync('dist/page', { recursive: true });
for (const file of ['index.html', 'icon.svg']) copyFileSync(`src/metrics/page/${file}`, `dist/page/${file}`);

await Promise.all([
  page,
  program('dist/bin/main.cjs', [beside]),
  program('dist/bin/launch.cjs', [beside, only('run', 'exec', 'boot')]),
  // A compiled program's own files are nowhere on the disk: what is beside it is found by where it is itself.
  program(
    'dist/bin/planner.cjs',
    [within, only('run', 'exec', 'boot', 'finish-run', 'guard-run', 'ps')],
    'process.execPath',
  ),
  ...LAZY.map((name) =>
    build({
      ...common,
      define,
      banner: urlOf('__filename'),
      footer: defaultFirst,
      minify: true,
      entryPoints: [name],
      outfile: `dist/bin/vendor-${name}.cjs`,
    }),
  ),
]);

// One of another program with as many characters would be taken for this one's: V8 compares no more of a source.
for (const name of ['main', 'launch']) rmSync(`dist/bin/${name}.cjs.cache`, { force: true });
// V8's own cache of each program, compiled, taken after a run so that it holds the functions a run needs. It is
// valid for the Node that made it; another one compiles as usual (bin/compart.js).
const state = mkdtempSync(`${tmpdir()}/compart-build-`);
const env = { ...process.env, COMPART_WRITE_CACHE: '1', COMPART_STATE: state, COMPART_PLANNER: 'node' };
for (const words of [['doctor'], ['run', '--mem', '64M', '--cpu', '50%', '--pids', '100', '--', 'true']])
  spawnSync('bin/compart', words, { env, stdio: 'ignore' });
rmSync(state, { recursive: true });
