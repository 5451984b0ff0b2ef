import { closeSync, constants, existsSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CompartError, usageError } from '../../shared/errors.js';
import { runToolSync, toolExists } from '../../host/exec.js';
import { followTool } from '../../host/follow.js';
import { stateError } from '../../state/json.js';
import { hostSources } from './sources.js';

/** An image of a Debian root to make. */
export interface ImageRequest {
  out: string;
  /** Of the file system, or null for what is in it and a quarter more. */
  sizeBytes: number | null;
  /** null for that of this host. */
  suite: string | null;
  /** Packages besides those that make it boot. */
  include: readonly string[];
  /** A file that is there is replaced. */
  force: boolean;
  /** How far it is, in percent, and with what. */
  onProgress: (percent: number, doing: string) => void;
}

export interface Image {
  path: string;
  sizeBytes: number;
  suite: string;
  packages: string[];
}

/** What a guest with an init of its own needs, and people expect. */
const PACKAGES = ['dbus', 'udev', 'iproute2', 'procps'];
/** Whose /sbin/init it has unless another was asked for: Debian installs one of them, never two. */
const INIT = 'systemd-sysv';
const OTHER_INITS: ReadonlySet<string> = new Set(['sysvinit-core', 'runit-init']);
export const LEAST_IMAGE_BYTES = 256 * 2 ** 20;
/** A mirror that answers nothing ends it as well. */
const LONGEST = '6h';
const TOOLS: ReadonlyArray<readonly [string, string]> = [
  ['mmdebstrap', 'mmdebstrap'],
  ['mke2fs', 'e2fsprogs'],
];

/** What mmdebstrap says when a stage begins, how far it is then, and what that stage is. */
const STAGES: ReadonlyArray<readonly [RegExp, number, string]> = [
  [/^I: running apt-get update/, 1, 'reading lists of packages'],
  [/^I: downloading packages/, 5, 'downloading packages'],
  [/^I: extracting archives/, 20, 'unpacking'],
  [/^I: installing essential packages/, 35, 'installing essential packages'],
  [/^I: installing remaining packages/, 55, 'installing the other packages'],
  [/^I: running --customize-hook/, 85, 'making the file system'],
  [/^I: cleaning package lists/, 97, 'cleaning up'],
];

/**
 * Makes the file system, with the root file system's folder as $1, in whatever namespace mmdebstrap has made it: only
 * there are the files their owners', and proc and sys are mounted in it, which a bind mount of it leaves out. Name and resolver of the host stay out of it, systemd makes an id for each guest,
 * and root has no password on a console that is its owner's alone. Written sparsely to descriptor 3.
 */
const MAKE_IMAGE = `set -e
rm -f "$1/etc/hostname" "$1/etc/resolv.conf"
echo uninitialized > "$1/etc/machine-id"
sed -i 's/^root:[^:]*:/root::/' "$1/etc/shadow"
bare=$1.bare
end() { umount "$bare" 2> /dev/null || true; rmdir "$bare" 2> /dev/null || true; rm -f "$1.ext4"; }
trap 'end "$1"' EXIT
mkdir "$bare"
mount --bind "$1" "$bare"
bytes=$COMPART_IMAGE_BYTES
[ "$bytes" != 0 ] || bytes=$(( ($(du -sk "$bare" | cut -f1) * 5 / 4 + 131072) * 1024 ))
truncate -s "$bytes" "$1.ext4"
mke2fs -q -F -t ext4 -E root_owner=0:0 -d "$bare" "$1.ext4"
dd if="$1.ext4" bs=64k conv=sparse status=none >&3`;

/** The packages of an image: those that were asked for, and those that make it boot. Pure. */
export function packagesOf(include: readonly string[]): string[] {
  const hasInit = include.some((name) => OTHER_INITS.has(name));
  return [...(hasInit ? [] : [INIT]), ...PACKAGES, ...include];
}

function requireTools(): void {
  const missing = TOOLS.filter(([tool]) => !toolExists(tool));
  if (missing.length === 0) return;
  throw new CompartError(
    'ERR_COMPART_UNSUPPORTED',
    `image build: ${missing.map(([tool]) => tool).join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed`,
    { hint: `apt-get install ${missing.map(([, name]) => name).join(' ')}` },
  );
}

/** The place of the image: absolute, in a folder that is there. @throws ERR_COMPART_USAGE, ERR_COMPART_EXISTS */
function placeOf({ out, force }: ImageRequest): string {
  const path = resolve(out);
  if (!existsSync(dirname(path)))
    throw usageError(`--out: there is no folder "${dirname(path)}"`, 'make it first, or name another file');
  if (!existsSync(path)) return path;
  if (!statSync(path).isFile()) throw usageError(`--out: "${out}" is no file`, 'name a file');
  if (!force)
    throw new CompartError('ERR_COMPART_EXISTS', `--out: "${out}" is there already`, {
      hint: '--force replaces it',
    });
  return path;
}

/** open(2): a file without a name, of which nothing is left whatever ends this process. */
const O_TMPFILE = 0o20_000_000 | constants.O_DIRECTORY;

function openNameless(folder: string): number {
  try {
    return openSync(folder, O_TMPFILE | constants.O_RDWR, 0o644);
  } catch (error) {
    throw stateError('make a file in', folder, error);
  }
}

/** Gives the file its name, at once and as a whole (linkat(2), AT_SYMLINK_FOLLOW). */
function giveName(fd: number, path: string, force: boolean): void {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}`);
  const to = force ? beside : path;
  const { status, stderr } = runToolSync('ln', ['-L', '-T', `/proc/${process.pid}/fd/${fd}`, to]);
  if (status !== 0) throw new CompartError('ERR_COMPART_STATE', `cannot make ${path}: ${stderr}`);
  if (!force) return;
  try {
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw stateError('make', path, error);
  }
}

function environment({ sizeBytes }: ImageRequest): Record<string, string> {
  const { PATH = '/usr/bin:/bin', ...others } = process.env as Record<string, string>;
  return {
    ...others,
    PATH: `${PATH}:/usr/sbin:/sbin`,
    LC_ALL: 'C',
    COMPART_IMAGE_BYTES: String(sizeBytes ?? 0),
  };
}

async function makeInto(
  fd: number,
  suite: string,
  sources: readonly string[],
  request: ImageRequest,
): Promise<void> {
  const argv = [
    '--variant=minbase',
    '--format=null',
    `--include=${packagesOf(request.include).join(',')}`,
    `--customize-hook=${MAKE_IMAGE}`,
  ];
  const said: string[] = [];
  const onLine = (line: string): void => {
    said.push(line);
    const stage = STAGES.find(([begins]) => begins.test(line));
    if (stage !== undefined) request.onProgress(stage[1], stage[2]);
  };
  // When compart has ended, however that came about, the kernel tells timeout(1) to end, and that tells all of them:
  // mmdebstrap alone would wait for its children, and takes away what it made when they have ended.
  const words = ['--pdeathsig', 'TERM', 'timeout', LONGEST, 'mmdebstrap', ...argv, suite, '-', ...sources];
  const abort = new AbortController().signal;
  const { exitCode } = await followTool('setpriv', words, {
    cwd: '/',
    env: environment(request),
    fd,
    abort,
    onLine,
  });
  if (exitCode === 0) return;
  const why = said
    .filter((line) => /^(E:|mke2fs|Could not|dd:)/.test(line))
    .slice(0, 3)
    .join('; ');
  throw new CompartError('ERR_COMPART_KERNEL', `mmdebstrap: ${why || (said.at(-1) ?? 'it said nothing')}`, {
    hint: 'the mirror has to be reachable (apt-get update), and an ordinary user needs lines in /etc/subuid and /etc/subgid',
  });
}

/**
 * Makes an image of a Debian root that boots with systemd or the init that was asked for, by mmdebstrap(1) and mke2fs(8), without mounting anything;
 * without root where the user may make namespaces. Whatever interrupts it, there is the whole image or none.
 * @throws ERR_COMPART_UNSUPPORTED naming what is not installed, ERR_COMPART_EXISTS, ERR_COMPART_USAGE, ERR_COMPART_KERNEL
 *   with mmdebstrap's own words
 */
export async function buildImage(request: ImageRequest): Promise<Image> {
  requireTools();
  const path = placeOf(request);
  const { suite, lines } = hostSources(request.suite);
  const fd = openNameless(dirname(path));
  try {
    await makeInto(fd, suite, lines, request);
    giveName(fd, path, request.force);
  } finally {
    closeSync(fd);
  }
  request.onProgress(100, 'done');
  return { path, sizeBytes: statSync(path).size, suite, packages: packagesOf(request.include) };
}
