import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { pathWith } from '../support/path.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const TARBALL = `dist/compart-${(JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version}.tgz`;
const ROOT = process.cwd();
const PATIENCE_MS = 120_000;
const sandbox = useSandbox();
const it = requires('npm');
const project = mkdtempSync(`${tmpdir()}/compart-package-`);

/** All that the package holds, by where it is. */
const HELD = [
  /^package\.json$|^README\.md$|^LICENSE$|^CHANGELOG\.md$/,
  /^bin\/(compart|compart\.js|package\.json)$/,
  /^dist\/bin\/(main|launch|vendor-(prom-client|yaml|yargs))\.cjs$/,
  /^dist\/lib\/index(\.d)?\.(js|ts)$/,
  /^dist\/lib\/(library|metrics|kernel|compartments|state|host|shared)\/.*\.(js|d\.ts)$/,
  /^dist\/page\/(index\.html|icon\.svg|page\.(css|js))$/,
  /^native\/linux-(x64|arm64)\/compart(-(launch|router|relay|later|knock|flow|netlink|heir|guest|init))?$/,
  /^native\/linux-(x64|arm64)\/compart-xstate\.so$/,
  /^native\/[a-z_]+\.[ch]$|^native\/Makefile$/,
  /^src\/kernel\/uml\/(kernel\.config|patches\/.*\.patch)$/,
  /^packaging\//,
  /^dashboards\/.*\.(json|ya?ml)$/,
  /^docs\/([a-z]+\.md|benchmarks\/.*)$/,
];

const CONSUMER = `
import { run, Compartment, Guest, LimitError, RunError, doctor, type ExitRecord, type Result } from 'compart';

const text: Result = await run('echo', ['typed'], { mem: '64M', cpu: 0.5, net: 'none', timeout: '5s' });
const bytes: Uint8Array = (await run('echo', { encoding: 'buffer' })).stdout;
const lines: string[] = (await run('echo', ['a'], { lines: true })).stdout;
const record: ExitRecord | null = text.record;
export async function made(): Promise<void> {
  await using box = await Compartment.create({ mem: 2 ** 26 });
  for await (const line of box.exec('true')) console.log(line.toUpperCase());
  await using guest = await Guest.boot({ mem: '64M' });
  await guest.exec('true');
}
try {
  await run('false');
} catch (error) {
  if (error instanceof LimitError) console.log(error.limit, error.result.record?.verdict);
  else if (error instanceof RunError) console.log(error.code, error.exitCode);
}
// @ts-expect-error: no such option
void (() => run('true', { memory: 1 }));
// @ts-expect-error: bytes are no text
void ((): string => bytes);
console.log(text.stdout, bytes.length, lines.length, record?.verdict, doctor().subsystems.length);
`;

const config = (moduleKind: string, resolution: string): string =>
  JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      module: moduleKind,
      moduleResolution: resolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: ['node'],
      outDir: resolution,
    },
    files: ['consumer.ts'],
  });

const start = (file: string, args: readonly string[], env: Record<string, string> = {}) =>
  execa(file, args, { cwd: project, env: { ...sandbox.current.env, ...env }, reject: false });

describe('the npm package', () => {
  beforeAll(() => {
    execFileSync(process.execPath, ['scripts/package.mjs']);
    writeFileSync(`${project}/package.json`, JSON.stringify({ private: true, type: 'module' }));
    const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    execFileSync('npm', ['install', ...flags, `${ROOT}/${TARBALL}`], { cwd: project, stdio: 'pipe' });
  }, PATIENCE_MS);
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('holds what is needed and nothing else, in less than 6 MB', () => {
    const files = execFileSync('tar', ['tzf', TARBALL], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((path) => path.replace(/^package\//, ''));
    expect(files.filter((file) => !HELD.some((held) => held.test(file)))).toEqual([]);
    expect(HELD.filter((held) => !files.some((file) => held.test(file)))).toEqual([]);
    const dashboards = readdirSync('dashboards', { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/^dashboards\/src\b/.test(entry.parentPath))
      .map(({ parentPath, name }) => `${parentPath}/${name}`);
    expect(files.filter((file) => file.startsWith('dashboards/')).sort()).toEqual(dashboards.sort());
    expect(readFileSync(TARBALL).length).toBeLessThan(6e6);
  });

  it('names no dependency that it does not import, and nothing that only its source needs', () => {
    const manifest = JSON.parse(readFileSync(`${project}/node_modules/compart/package.json`, 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(Object.keys(manifest.dependencies)).toEqual(['prom-client', 'yaml']);
    for (const key of ['scripts', 'devDependencies', 'optionalDependencies'])
      expect(manifest).not.toHaveProperty(key);
  });

  it(
    'is clean for publint and for are-the-types-wrong',
    async () => {
      const env = { NO_COLOR: '1' };
      const lint = await execa('npx', ['publint', 'dist/package', '--strict'], { reject: false, env });
      expect([lint.exitCode, lint.stdout]).toEqual([0, expect.stringContaining('All good!')]);
      const types = await execa('npx', ['attw', TARBALL, '--profile', 'esm-only'], { reject: false, env });
      expect([types.exitCode, types.stderr]).toEqual([0, '']);
    },
    PATIENCE_MS,
  );

  const inGroups = requires('npm', 'root', 'cgroup-memory', 'ip');

  inGroups(
    'compiles under strict TypeScript with nodenext and bundler resolution, and runs',
    async () => {
      mkdirSync(`${project}/node_modules/@types`, { recursive: true });
      for (const name of ['@types/node', 'undici-types'])
        symlinkSync(`${ROOT}/node_modules/${name}`, `${project}/node_modules/${name}`);
      writeFileSync(`${project}/consumer.ts`, CONSUMER);
      for (const [moduleKind, resolution] of [
        ['nodenext', 'nodenext'],
        ['esnext', 'bundler'],
      ] as const) {
        writeFileSync(`${project}/tsconfig.json`, config(moduleKind, resolution));
        const compiled = await start(process.execPath, [`${ROOT}/node_modules/typescript/bin/tsc`]);
        expect([compiled.exitCode, compiled.stdout]).toEqual([0, '']);
        const { stdout, stderr } = await start(process.execPath, [`${resolution}/consumer.js`]);
        expect([stdout, stderr]).toEqual(['ERR_COMPART_FAILED 1\ntyped 1 1 ok 5', '']);
      }
    },
    PATIENCE_MS,
  );

  inGroups('runs from ESM and CommonJS, and as a command, without a compiler on the PATH', async () => {
    const env = { PATH: pathWith(project, 'sh', 'echo', 'env', 'ip', 'readlink', 'uname', 'node') };
    const code = `run('echo', ['hi'], { mem: '64M' }).then(({ stdout }) => console.log(stdout));`;
    writeFileSync(`${project}/plain.js`, `import { run } from 'compart';\n${code}`);
    writeFileSync(`${project}/dynamic.cjs`, `import('compart').then(({ run }) => ${code.slice(0, -1)});`);
    for (const file of ['plain.js', 'dynamic.cjs'])
      expect((await start(process.execPath, [file], env)).stdout).toBe('hi');
    const { stdout, stderr } = await start(
      'node_modules/.bin/compart',
      ['run', '--mem', '64M', '--', 'echo', 'cli'],
      env,
    );
    expect([stdout, stderr]).toEqual(['cli', '']);
  });

  inGroups('says how to build its programs where it has none for this CPU', async () => {
    const native = `${project}/node_modules/compart/native`;
    renameSync(`${native}/linux-${process.arch}`, `${native}/elsewhere`);
    try {
      const code = `import { run } from 'compart'; await run('true').catch((e) => console.log(e.code, e.hint));`;
      const { stdout } = await start(process.execPath, ['--input-type=module', '-e', code]);
      expect(stdout).toBe(`ERR_COMPART_LAUNCH build it, with a C compiler: make -C ${native}`);
      expect(existsSync(`${native}/Makefile`)).toBe(true);
    } finally {
      renameSync(`${native}/elsewhere`, `${native}/linux-${process.arch}`);
    }
  });

  it('does nothing when it is imported: no handler, no descriptor, no change of the environment', async () => {
    const code = `
      import * as fs from 'node:fs';
      import { setTimeout as delay } from 'node:timers/promises';
      const seen = async () => {
        await delay(100);
        const { length } = fs.readdirSync('/proc/self/fd');
        return [process.eventNames(), length, { ...process.env }, process.cwd(), process.getActiveResourcesInfo()];
      };
      console.log(JSON.stringify([await seen(), await import('compart').then(seen)]));`;
    writeFileSync(`${project}/quiet.mjs`, code);
    const { stdout } = await start(process.execPath, ['quiet.mjs']);
    const [before, after] = JSON.parse(stdout) as [unknown, unknown];
    expect(after).toEqual(before);
  });
});
