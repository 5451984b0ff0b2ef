import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { execa } from 'execa';

const IMAGE = 'localhost/compart-bench';
/** Where raising a limit is not allowed (a container, a sandbox), podman's own default of a million files is not either. */
const RLIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];

const run = (more: readonly string[], options: readonly string[]): string[] => [
  'podman',
  ...['run', '--rm', ...more, ...options, IMAGE, '/bin/true'],
];

/** An image with one program in it, /bin/true of busybox. */
async function makeImage(): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/compart-bench-`);
  try {
    mkdirSync(`${dir}/bin`);
    copyFileSync('/usr/bin/busybox', `${dir}/bin/true`);
    const { stdout } = await execa('tar', ['-C', dir, '-c', '.'], { encoding: 'buffer' });
    await execa('podman', ['import', '-', IMAGE], { input: stdout });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/**
 * How `podman run` of `true` works here, if it does: as it comes, or with runc, which takes a hybrid host, and with
 * limits that it may set.
 */
export const podman = (...options: string[]): Promise<{ argv: string[] | null; why: string }> =>
  podmanUnder([], ...options);

/** The same, by words before it: those that enter a network namespace. */
export async function podmanUnder(
  before: readonly string[],
  ...options: string[]
): Promise<{ argv: string[] | null; why: string }> {
  const ways = [run([], options), run(RLIMITS, options), run(['--runtime', 'runc', ...RLIMITS], options)];
  let why = 'not installed';
  try {
    await makeImage();
  } catch (error) {
    return { argv: null, why: (error as { code?: string }).code === 'ENOENT' ? why : String(error) };
  }
  for (const way of ways) {
    const argv = [...before, ...way];
    const [file = '', ...words] = argv;
    const { failed, stderr } = await execa(file, words, { reject: false, stdin: 'ignore' });
    if (!failed) return { argv, why: '' };
    why = stderr.split('\n')[0] ?? 'fails';
  }
  return { argv: null, why };
}
