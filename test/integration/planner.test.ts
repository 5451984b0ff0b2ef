import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { beforeEach, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { pathWith } from '../support/path.js';
import { ROOT } from '../support/planner.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox, type Answer } from '../support/sandbox.js';

const sandbox = useSandbox();
const withGroups = requires('groups');
const compiled = requires('groups', 'planner');

/** The name of the process that plans: the one beside the command. */
const WHO = ['sh', '-c', 'ps -o comm= --ppid $PPID | grep -v sh'];

/** Would make Bun or Node run a file, become another program, or listen. */
const STEERING = (file: string): Record<string, string> => ({
  BUN_OPTIONS: `--preload ${file}`,
  BUN_BE_BUN: '1',
  BUN_INSPECT: '127.0.0.1:0?wait=1',
  BUN_INSPECT_PRELOAD: file,
  BUN_JSC_dumpOptions: '3',
  BUN_BYTECODE_ORDER_OUT: `${file}.order`,
  MIMALLOC_VERBOSE: '1',
  COMPART_HIDDEN_BUN_OPTIONS: '--hidden',
});

/** A directory in which everything that Bun may load by itself writes the file `loaded`. */
function hostile(dir: string): string {
  const preload = `preload = ["./preload.js"]\n`;
  writeFileSync(`${dir}/.env`, 'HOSTILE=1\nPATH=/nowhere\nCOMPART_STATE=/nowhere\n');
  writeFileSync(`${dir}/bunfig.toml`, `${preload}[run]\n${preload}[test]\n${preload}`);
  writeFileSync(`${dir}/preload.js`, `require('node:fs').writeFileSync('${dir}/loaded', 'loaded');\n`);
  writeFileSync(`${dir}/package.json`, '{"type":"module","imports":{"node:fs":"./preload.js"}}');
  writeFileSync(`${dir}/tsconfig.json`, '{"compilerOptions":{"paths":{"node:fs":["./preload.js"]}}}');
  return `${dir}/preload.js`;
}

async function read(argv: readonly string[], env: Record<string, string>): Promise<string[]> {
  const [file = '', ...args] = argv;
  const all = { ...sandbox.current.env, ...env };
  const { stdout } = await execa(file, args, { env: all, cwd: sandbox.current.dir, stdin: 'ignore' });
  return stdout.split('\0').filter(Boolean).sort();
}

/** An installation with these files only. */
function install(...files: string[]): string {
  const root = `${sandbox.current.dir}/installed`;
  for (const file of files) {
    mkdirSync(`${root}/${file}`.replace(/\/[^/]*$/, ''), { recursive: true });
    copyFileSync(`${ROOT}/${file}`, `${root}/${file}`);
  }
  return root;
}

async function at(root: string, args: string[], env: Record<string, string> = {}): Promise<Answer> {
  const { exitCode, stdout, stderr } = await execa(`${root}/native/build/compart`, args, {
    env: { ...sandbox.current.env, ...env },
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
  });
  return { status: exitCode ?? -1, stdout, stderr };
}

describe('what plans', () => {
  compiled('the compiled program, and Node where COMPART_PLANNER asks for it', async () => {
    const who = async (planner: string): Promise<string> =>
      (await sandbox.current.compart(['run', '--', ...WHO], { env: { COMPART_PLANNER: planner } })).stdout;
    expect(await who('')).toBe('planner\n');
    expect(await who('node')).toBe('node\n');
  });

  compiled('ps, with the same answer, as a table, in JSON, and to wrong words', async () => {
    const { compart } = sandbox.current;
    for (const name of ['one', 'two']) await compart(['load', 'pids', '--name', name, '--pids', '7']);
    // How long it has been there may change between the two.
    const answer = async (planner: string, words: string[]): Promise<Answer> => {
      const { stdout, ...rest } = await compart(['ps', ...words], { env: { COMPART_PLANNER: planner } });
      return { ...rest, stdout: stdout.replace(/\d+[smh] *$/gm, '') };
    };
    for (const words of [[], ['--json'], ['--help'], ['--foo']])
      expect(await answer('', words)).toEqual(await answer('node', words));
    expect((await answer('', [])).stdout).toMatch(/^one .* 0\/7/m);
    for (const name of ['one', 'two']) await compart(['rm', name]);
  });

  withGroups.each([
    ['is not there', null],
    ['may not be executed', 0o644],
    ['is no program', 0o755],
  ])('Node, where the compiled program %s', async (_what, mode) => {
    const root = install('native/build/compart', 'bin/compart.js', 'bin/package.json');
    mkdirSync(`${root}/dist/bin`, { recursive: true });
    for (const name of readdirSync(`${ROOT}/dist/bin`))
      if (name !== 'planner') symlinkSync(`${ROOT}/dist/bin/${name}`, `${root}/dist/bin/${name}`);
    const planner = `${root}/dist/bin/planner`;
    if (mode !== null) writeFileSync(planner, '\x7fELF and no more');
    if (mode !== null) chmodSync(planner, mode);
    const answer = await at(root, ['run', '--', ...WHO], { COMPART_PLANNER: '' });
    expect(answer).toEqual({ status: 0, stdout: 'node\n', stderr: '' });
  });

  withGroups(
    'under `ulimit -d 100000`, which the compiled program does not start under, the run goes on',
    async () => {
      const script = 'ulimit -d 100000; exec "$0" run -- sh -c "ulimit -d"';
      const { stdout } = await execa('bash', ['-c', script, COMPART], {
        env: sandbox.current.env,
        stdin: 'ignore',
      });
      expect(stdout).toBe('100000');
    },
  );
});

describe('the compiled program alone', () => {
  const alone = (): string =>
    install('native/build/compart', 'native/build/compart-launch', 'dist/bin/planner');
  let env: Record<string, string>;
  beforeEach(() => {
    // What asks systemd, where there is one, and what it then keeps the scope with.
    const PATH = pathWith(sandbox.current.dir, 'systemctl', 'systemd-run', 'busctl', 'env');
    env = { COMPART_PLANNER: '', PATH };
  });

  compiled('has all of run and exec, with no Node on the PATH and no file beside it', async () => {
    const root = alone();
    const file = `${sandbox.current.dir}/compart.yaml`;
    writeFileSync(file, 'compartments:\n  one:\n    keep: true\n');
    expect(await at(root, ['run', '--file', file, '--', '/bin/echo', 'kept'], env)).toEqual({
      status: 0,
      stdout: 'kept\n',
      stderr: '',
    });
    const second = await at(root, ['exec', 'one', '--', '/bin/sh', '-c', 'exit 7'], env);
    expect(second).toEqual({ status: 7, stdout: '', stderr: '' });
    for (const verb of ['run', 'exec']) {
      const { stdout } = await sandbox.current.compart([verb, '--help'], {
        env: { COMPART_PLANNER: 'node' },
      });
      expect(await at(root, [verb, '--help'], env)).toEqual({ status: 0, stdout, stderr: '' });
    }
    await sandbox.current.compart(['rm', 'one']);
  });

  compiled('ends a detached run as well, with its record', async () => {
    const root = alone();
    const started = await at(root, ['run', '-d', '--name', 'away', '--', '/bin/sh', '-c', 'exit 9'], env);
    expect(started).toEqual({ status: 0, stdout: 'away\n', stderr: '' });
    const history = (): Promise<unknown[]> => sandbox.current.json(['history']);
    await until('the record', async () => (await history()).length > 0);
    const [record] = await history();
    expect(record).toMatchObject({ name: 'away', exitCode: 9 });
  });
});

describe.each([
  ['the compiled program', ''],
  ['Node', 'node'],
])('%s in a hostile directory', (_name, planner) => {
  withGroups('loads nothing from it, and the command has the environment of the caller', async () => {
    hostile(sandbox.current.dir);
    const env = { COMPART_PLANNER: planner };
    expect(await read([COMPART, 'run', '--', 'env', '-0'], env)).toEqual(await read(['env', '-0'], env));
    expect(existsSync(`${sandbox.current.dir}/loaded`)).toBe(false);
  });
});

describe('variables that steer Bun', () => {
  compiled('do nothing to the planner, and the command has them: BUN_OPTIONS and 7 more', async () => {
    const file = hostile(sandbox.current.dir);
    const env = { COMPART_PLANNER: '', NODE_OPTIONS: `--require ${file}`, ...STEERING(file) };
    const before = readdirSync(sandbox.current.dir).length;
    expect(await read([COMPART, 'run', '--', 'env', '-0'], env)).toEqual(await read(['env', '-0'], env));
    // The state folder is new.
    expect(readdirSync(sandbox.current.dir)).toHaveLength(before + 1);
    expect(existsSync(`${sandbox.current.dir}/loaded`)).toBe(false);
  });

  compiled('reach a detached command too, NODE_EXTRA_CA_CERTS among them', async () => {
    const file = hostile(sandbox.current.dir);
    const env = { COMPART_PLANNER: '', NODE_EXTRA_CA_CERTS: '/no/such/file', ...STEERING(file) };
    const out = `${sandbox.current.dir}/environment`;
    const inner = ['sh', '-c', `env -0 > ${out}.new; mv ${out}.new ${out}`];
    await read([COMPART, 'run', '-d', '--', ...inner], env);
    await until('the environment', () => existsSync(out));
    await until('its end', async () => (await sandbox.current.json<unknown[]>(['ps'])).length === 0);
    const added = (words: string[]): string[] => words.filter((word) => !/^(_|PWD|SHLVL|OLDPWD)=/.test(word));
    const inside = await read(['cat', out], {});
    expect(added(inside)).toEqual(added(await read(['env', '-0'], env)));
    expect(existsSync(`${sandbox.current.dir}/loaded`)).toBe(false);
  });
});
