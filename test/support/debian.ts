import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { COMPART } from './installed.js';

/** Where what takes minutes to make is kept between runs. */
const CACHE = '/var/cache/compart-test';
const PACKAGES = 'systemd-sysv,dbus,udev,iproute2,procps';
/** Made anew after a week, or when this changes. */
const VERSION = '1';
const WEEK_MS = 7 * 24 * 3600 * 1000;

export interface DebianRoot {
  /** An ext4 image as `compart image build` makes it. */
  image: string;
  /** The same as a folder. */
  folder: string;
}

/** A Debian root with systemd, built once a week: a minute on a quiet machine. */
export function debianRoot(): DebianRoot {
  const key = createHash('sha256').update(`${VERSION} ${PACKAGES}`).digest('hex').slice(0, 12);
  const dir = `${CACHE}/debian-${key}`;
  const root = { image: `${dir}/image`, folder: `${dir}/root` };
  if (existsSync(dir) && Date.now() - statSync(dir).mtimeMs < WEEK_MS) return root;
  const making = `${dir}.${process.pid}`;
  mkdirSync(`${making}/root`, { recursive: true });
  const stdio = 'ignore';
  execFileSync(COMPART, ['image', 'build', 'debian', '--out', `${making}/image`], { stdio });
  execFileSync('/sbin/debugfs', ['-R', `rdump / ${making}/root`, `${making}/image`], { stdio });
  rmSync(dir, { recursive: true, force: true });
  renameSync(making, dir);
  for (const name of readdirSync(CACHE))
    if (/^debian-.*\.\d+$/.test(name)) rmSync(`${CACHE}/${name}`, { recursive: true, force: true });
  return root;
}
