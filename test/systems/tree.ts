import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tmpdir } from 'node:os';

/** What the tests need of the source tree, and what was built of it. */
const PARTS = [
  ...[
    'bin',
    'dist',
    'native',
    'node_modules',
    'src',
    'test',
    'docs',
    'examples',
    'dashboards',
    'scripts',
    'packaging',
  ],
  ...['package.json', 'jest.config.js', 'tsconfig.json'],
];

/** Files of one run of the matrix, on a disk: what the guests read, and what they write. */
export class Workplace {
  readonly dir = mkdtempSync(`${process.env['TMPDIR'] ? tmpdir() : '/var/tmp'}/compart-systems-`);
  /** A copy of the source tree as it is now, which any user may read, and nobody changes meanwhile. */
  readonly tree = `${this.dir}/tree`;

  /** The commit that it is of, in short; `+` behind it where it is not quite that. */
  readonly commit: string;

  constructor() {
    mkdirSync(this.tree);
    chmodSync(this.dir, 0o755);
    const source = fileURLToPath(new URL('../..', import.meta.url));
    for (const part of PARTS)
      cpSync(`${source}/${part}`, `${this.tree}/${part}`, { recursive: true, verbatimSymlinks: true });
    execFileSync('chmod', ['-R', 'a+rX', this.tree]);
    this.commit = commitOf(source);
  }

  /** A new disk with an ext4, which takes of the host what is written to it. */
  disk(name: string): string {
    const file = `${this.dir}/${name}.ext4`;
    execFileSync('/sbin/mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'scratch', file, '4G']);
    return file;
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What the tests themselves write is no change. */
function commitOf(source: string): string {
  const git = (...words: string[]): string =>
    execFileSync('git', ['-C', source, ...words], { encoding: 'utf8' });
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', ...PARTS, ':!docs');
  return git('rev-parse', '--short=9', 'HEAD').trim() + (changes === '' ? '' : '+');
}
