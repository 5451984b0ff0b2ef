import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { execa } from 'execa';
import { COMPART } from '../support/installed.js';

/** What the integration suite uses besides what every Debian has, and what a user's session takes. */
const PACKAGES = [
  ...['libpam-systemd', 'dbus-user-session', 'util-linux-extra', 'e2fsprogs', 'kmod', 'iputils-ping'],
  ...['python3', 'tmux', 'less', 'vim-tiny', 'curl', 'nftables', 'iperf3', 'slirp4netns', 'uidmap'],
];
const FLAGS = ['--size', '3G', '--include', PACKAGES.join(',')];
/** Made anew then, for the fixes of Debian. */
const WEEK_MS = 7 * 24 * 3600 * 1000;

/**
 * The image of a Debian root, made by `compart image build` where there is none that was made of the same packages.
 * @param say hears how far it is, a line at a time
 */
export async function debianImage(cache: string, say: (line: string) => void): Promise<string> {
  const key = createHash('sha256').update(FLAGS.join(' ')).digest('hex').slice(0, 12);
  const image = `${cache}/system-${key}.ext4`;
  if (existsSync(image) && Date.now() - statSync(image).mtimeMs < WEEK_MS) return image;
  mkdirSync(cache, { recursive: true });
  const making = `${image}.${process.pid}`;
  const building = execa(COMPART, ['image', 'build', 'debian', '--out', making, ...FLAGS], {
    stdin: 'ignore',
  });
  for await (const line of building.iterable({ from: 'stderr' })) say(line.replace(/^compart: */, ''));
  await building;
  renameSync(making, image);
  for (const name of readdirSync(cache))
    if (/^system-.*\.ext4/.test(name) && `${cache}/${name}` !== image) rmSync(`${cache}/${name}`);
  return image;
}
