import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';

import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import type { BuildResult } from '../../src/kernel/uml/build.js';
import { AS_USER, settle, UID } from '../support/ordinary-user.js';
import { pathWith } from '../support/path.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox, type Answer } from '../support/sandbox.js';
import { makeSourceTree, type TreeOptions } from '../support/source-tree.js';
import { Terminal } from '../support/terminal.js';

const sandbox = useSandbox();
const able = requires('make', 'gcc', 'flex', 'bison', 'bc', 'patch', 'xz');

const kernels = (): string => `${sandbox.current.dir}/kernels`;
const cache = (): string => `${sandbox.current.dir}/cache`;
const environment = (): Record<string, string> => ({ COMPART_KERNELS: kernels(), XDG_CACHE_HOME: cache() });
const tree = (options?: TreeOptions): string => makeSourceTree(`${sandbox.current.dir}/tree`, options);
const kernel = (words: readonly string[], env: Record<string, string> = {}): Promise<Answer> =>
  sandbox.current.compart(['kernel', ...words], { env: { ...environment(), ...env } });
const namesIn = (dir: string): string[] => (existsSync(dir) ? readdirSync(dir) : []);
/** What a build has left in its cache and beside the kernels that are listed. */
const leftovers = (): string[] => [
  ...namesIn(`${cache()}/compart`),
  ...namesIn(kernels()).filter((name) => name.startsWith('.')),
];
interface Listed {
  path: string;
  version: string;
  origin: string;
  features: { lineFix: boolean };
}
const listed = async (): Promise<Listed[]> => {
  const all = JSON.parse((await kernel(['list', '--json'])).stdout) as Listed[];
  return all.filter(({ path }) => path.startsWith(kernels()));
};
/** Processes that work in the cache of this test. */
const workers = (): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(cache());
    } catch {
      return false;
    }
  });

const compiles = (): boolean =>
  namesIn(`${cache()}/compart`).some((name) => existsSync(`${cache()}/compart/${name}/linux/.config`));

describe('kernel build', () => {
  able('installs VERSION-HASH/linux, stripped; the second time it is there in less than 1 s', async () => {
    const source = tree();
    const first = await kernel(['build', '--source', source]);
    expect(first).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(new RegExp(`^${kernels()}/6\\.99\\.1-[0-9a-f]{12}/linux\n$`)),
    });
    const path = first.stdout.trim();
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect((await execa('file', [path])).stdout).toContain(', stripped');
    const began = performance.now();
    expect(await kernel(['build', '--source', source])).toEqual({
      status: 0,
      stdout: first.stdout,
      stderr: '',
    });
    expect(performance.now() - began).toBeLessThan(1000);
    expect(await listed()).toMatchObject([{ path, version: '6.99.1', origin: 'compart' }]);
    expect((await kernel(['path'])).stdout).toBe(first.stdout);
    expect(leftovers()).toEqual([]);
  });

  able('says which of the 9 patches a source does not take, and that its lines are not fixed', async () => {
    const { status, stderr, stdout } = await kernel(['build', '--json', '--source', tree()]);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^compart: patches that Linux 6\.99\.1 does not take: 0001-\S+, 0002-\S+, 0003-\S+, 0004-\S+, 0005-\S+, 0006-\S+, 0007-\S+, 0008-\S+, 0009/m,
    );
    const built = JSON.parse(stdout) as BuildResult & { refused: string[] };
    expect(built).toMatchObject({ cached: false, features: { lineFix: false, wideState: true } });
    expect(built.refused).toHaveLength(9);
  });

  able('keeps 2 versions side by side, the newest build first, and builds a changed tree anew', async () => {
    await kernel(['build', '--source', tree()]);
    await kernel(['build', '--source', tree({ version: '6.98.7' })]);
    expect((await listed()).map(({ version }) => version)).toEqual(['6.98.7', '6.99.1']);
    const { cached } = JSON.parse(
      (await kernel(['build', '--json', '--source', tree({ version: '6.98.7', pace: 0.001 })])).stdout,
    ) as { cached: boolean };
    expect({ cached, count: (await listed()).length }).toEqual({ cached: false, count: 2 });
  });

  able('takes a tarball, .tar.xz or .tar.gz, with one folder in it', async () => {
    tree();
    for (const suffix of ['xz', 'gz']) {
      const file = `${sandbox.current.dir}/linux.tar.${suffix}`;
      await execa('tar', ['-caf', file, '-C', sandbox.current.dir, 'tree']);
      expect(await kernel(['build', '--source', file])).toMatchObject({ status: 0 });
    }
    expect(await listed()).toHaveLength(1);
  });

  able('leaves the tree that it was given as it was, and takes no object from it', async () => {
    const source = tree({ broken: 1 });
    await execa('touch', [`${source}/1.o`, `${source}/.config`]);
    const before = readdirSync(source);
    expect((await kernel(['build', '--source', source])).stderr).toContain('mm/1.c:12: error');
    expect(readdirSync(source)).toEqual(before);
  });

  able('names the option that did not take, and takes one that the source does not have', async () => {
    const { status, stderr } = await kernel(['build', '--source', tree({ stubborn: 'OVERLAY_FS' })]);
    expect({ status, listed: await listed() }).toEqual({ status: 125, listed: [] });
    expect(stderr).toMatch(/^compart: options of \S+ did not take: CONFIG_OVERLAY_FS=y \(came out n\)$/m);
    const lacking = await kernel(['build', '--source', tree({ unknown: 'NFT_OBJREF' })]);
    expect(lacking).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('options that Linux 6.99.1 does not have: NFT_OBJREF\n'),
    });
  });

  able('says the first error of make, keeps all that it printed, and lists nothing', async () => {
    const { status, stderr } = await kernel(['build', '--source', tree({ broken: 7 })]);
    const kept = `${cache()}/compart/failed-build.log`;
    expect({ status, listed: await listed(), left: leftovers() }).toEqual({
      status: 125,
      listed: [],
      left: ['failed-build.log'],
    });
    expect(stderr).toMatch(
      /^compart: make failed: mm\/7\.c:12: error: too few of them\ncompart: all it said is in /m,
    );
    expect(readFileSync(kept, 'utf8')).toContain('  CC      1.o\n');
  });

  able('names tools that are missing, and how to install them, before it starts', async () => {
    const tools = [
      'node',
      'sh',
      'make',
      'gcc',
      'ld',
      'strip',
      'bc',
      'patch',
      'tar',
      'xz',
      'gzip',
      'readlink',
    ];
    const PATH = pathWith(sandbox.current.dir, ...tools);
    const { status, stderr } = await kernel(['build', '--source', tree()], { PATH });
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: 'compart: a kernel cannot be built without flex, bison\ncompart: apt-get install flex bison\n',
    });
  });

  requires(
    'root',
    'make',
    'flex',
    'setpriv',
  )('refuses where kernels cannot be written, before it builds', async () => {
    mkdirSync(kernels());
    const { program, env } = settle(sandbox.current);
    const words = [...AS_USER, program, 'kernel', 'build', '--source', tree()];
    const answer = await execa(words[0] ?? '', words.slice(1), {
      reject: false,
      env: { ...sandbox.current.env, ...env, COMPART_KERNELS: kernels(), XDG_CACHE_HOME: '' },
    });
    expect(answer.stderr).toBe(
      `compart: cannot install in ${kernels()}: Permission denied\ncompart: COMPART_KERNELS names another place for kernels`,
    );
  });

  requires(
    'root',
    'make',
    'flex',
    'setpriv',
  )('works for an ordinary user, into ~/.local/share/compart/kernels', async () => {
    const { program, env } = settle(sandbox.current);
    const words = [...AS_USER, program, 'kernel', 'build', '--source', tree()];
    const { stdout } = await execa(words[0] ?? '', words.slice(1), {
      env: { ...sandbox.current.env, ...env },
    });
    expect(stdout).toMatch(`${env['HOME']}/.local/share/compart/kernels/6.99.1-`);
    expect(statSync(stdout).uid).toBe(UID);
    expect(namesIn(`${env['HOME']}/.cache/compart`)).toEqual([]);
  });
});

describe('kernel build, while it goes on', () => {
  able('prints a line every 10% where there is no terminal, with the time left', async () => {
    const source = tree();
    await kernel(['build', '--source', source]);
    await execa('touch', [`${source}/Makefile`]);
    const { stderr } = await kernel(['build', '--source', source]);
    const lines = stderr.split('\n').filter((line) => line.includes('compiling'));
    const tens = lines.map((line) => Math.floor(Number(/(\d+)%/.exec(line)?.[1]) / 10));
    expect(tens).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(lines[9]).toMatch(/^compart: compiling: 90%, \d+\w left$/);
  });

  requires(
    'tmux',
    'make',
    'flex',
  )('writes one line of a terminal again and again, and takes it away', async () => {
    const terminal = await Terminal.open(['sh'], {
      env: { ...sandbox.current.env, ...environment() },
      cwd: sandbox.current.dir,
    });
    try {
      await terminal.line(`clear; ${process.cwd()}/bin/compart kernel build --source ${tree({ pace: 0.2 })}`);
      await terminal.shows(/^compart: compiling: \d+%/m);
      await terminal.shows(/^compart: patches .*\n(.*\n)*\/.*kernels\/6\.99\.1-\w+\/linux$/m, 30_000);
      expect(await terminal.screen()).not.toContain('compiling');
    } finally {
      await terminal.close();
    }
  });

  able.each(['SIGINT', 'SIGTERM'] as const)(
    'ends at %s with status 128+N and leaves nothing at all',
    async (signal) => {
      const build = sandbox.current.start(['kernel', 'build', '--source', tree({ pace: 2 })], {
        env: environment(),
      });
      await until('it compiles', compiles);
      build.kill(signal);
      const { exitCode } = await build;
      expect({ exitCode, left: leftovers(), workers: workers(), listed: await listed() }).toEqual({
        exitCode: signal === 'SIGINT' ? 130 : 143,
        left: [],
        workers: [],
        listed: [],
      });
    },
  );

  able(
    'killed with SIGKILL it lists nothing, make ends by itself, and the next build sweeps and succeeds',
    async () => {
      const source = tree({ pace: 0.5 });
      const build = sandbox.current.start(['kernel', 'build', '--source', source], { env: environment() });
      await until('it compiles', compiles);
      build.kill('SIGKILL');
      await build;
      expect(await listed()).toEqual([]);
      await until('make has ended', () => workers().length === 0);
      expect(leftovers()).toHaveLength(1);
      const again = await kernel(['build', '--source', tree()]);
      expect({ status: again.status, count: (await listed()).length, left: leftovers() }).toEqual({
        status: 0,
        count: 1,
        left: [],
      });
    },
  );

  able('goes on twice at once: both succeed, and there is one kernel', async () => {
    const source = tree({ pace: 0.02 });
    const both = await Promise.all([1, 2].map(() => kernel(['build', '--source', source])));
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    expect({ count: (await listed()).length, left: leftovers() }).toEqual({ count: 1, left: [] });
  });
});

describe('kernel', () => {
  able.each([
    [['mend'], 'compart: kernel: "mend" is none\ncompart: accepted: list, path, build\n'],
    [
      ['list', '--source', 'x'],
      'compart: --source is no flag of kernel list\ncompart: compart kernel build takes it\n',
    ],
  ])('%j is refused with status 2', async (words, stderr) => {
    expect(await kernel(words)).toEqual({ status: 2, stdout: '', stderr });
  });

  able.each([
    ['/nowhere', 'cannot read "/nowhere": No such file or directory'],
    ['/etc/passwd', '"/etc/passwd" is neither a Linux source tree nor a tarball of one'],
    ['/etc', '"/etc" is neither a Linux source tree nor a tarball of one'],
  ])('build --source %s is refused with status 2', async (source, message) => {
    const { status, stderr } = await kernel(['build', '--source', source]);
    expect({ status, said: stderr.split('\n')[0] }).toEqual({
      status: 2,
      said: `compart: --source: ${message}`,
    });
  });
});
