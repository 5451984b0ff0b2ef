// Makes dist/package, what is published, and the tarball of it: `npm run package`, then `npm publish dist/package`. The
// manifest names what its programs import and nothing that only this source tree needs; native programs are in it for this
// CPU, with their source for any other.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

const OUT = 'dist/package';
const PREBUILT = `native/linux-${process.arch}`;

/** What dist/lib imports; dist/bin has its own copies. */
const IMPORTED = ['prom-client', 'yaml'];
const KEPT = ['name', 'version', 'description', 'license', 'type', 'engines', 'os', 'bin', 'exports'];

const listed = (dir, accepted) => readdirSync(dir).filter((file) => accepted.test(file));

/** Files and folders, as they are called here and there. */
const CONTENT = [
  ...['dist/page', 'README.md', 'LICENSE', 'CHANGELOG.md'].map((path) => [path, path]),
  ...listed('bin', /\.js(on)?$/).map((file) => [`bin/${file}`, `bin/${file}`]),
  // Not the front itself, which is another one for each CPU.
  ['packaging/compart', 'bin/compart'],
  ...listed('packaging', /\./).map((file) => [`packaging/${file}`, `packaging/${file}`]),
  ...['kernel.config', 'patches'].map((name) => [`src/kernel/uml/${name}`, `src/kernel/uml/${name}`]),
  ...listed('dist/bin', /\.cjs$/).map((file) => [`dist/bin/${file}`, `dist/bin/${file}`]),
  ...listed('dist/lib', /^(?!cli$)/).map((name) => [`dist/lib/${name}`, `dist/lib/${name}`]),
  ...listed('dashboards', /^(?!src$)/).map((name) => [`dashboards/${name}`, `dashboards/${name}`]),
  ...listed('docs', /^(?!api$|systems\.json$)/).map((name) => [`docs/${name}`, `docs/${name}`]),
  ...listed('native', /\.[ch]$|^Makefile$/).map((file) => [`native/${file}`, `native/${file}`]),
  ...listed('native/build', /^compart(-[a-z]+)?(\.so)?$/).map((file) => [
    `native/build/${file}`,
    `${PREBUILT}/${file}`,
  ]),
];

rmSync(OUT, { recursive: true, force: true });
for (const [from, to] of CONTENT) {
  mkdirSync(dirname(`${OUT}/${to}`), { recursive: true });
  cpSync(from, `${OUT}/${to}`, { recursive: true });
  if (to.startsWith(PREBUILT)) chmodSync(`${OUT}/${to}`, 0o755);
}
const own = JSON.parse(readFileSync('package.json', 'utf8'));
const manifest = {
  ...Object.fromEntries(KEPT.map((key) => [key, own[key]])),
  dependencies: Object.fromEntries(IMPORTED.map((name) => [name, own.dependencies[name]])),
};
writeFileSync(`${OUT}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
const [{ filename }] = JSON.parse(
  execFileSync('npm', ['pack', '--json', '--pack-destination', '..'], { cwd: OUT, encoding: 'utf8' }),
);
const tarball = `dist/${filename}`;
process.stdout.write(`${tarball} ${Math.ceil(statSync(tarball).size / 1024)} KiB\n`);
