import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { execa } from 'execa';
import { COMPART } from '../support/installed.js';

/** What the integration suite uses besides what every Debian has. */
const PROGRAMS = [
  ...['util-linux-extra', 'e2fsprogs', 'kmod', 'iputils-ping', 'python3', 'tmux', 'less', 'vim-tiny', 'curl'],
  ...['nftables', 'iperf3', 'slirp4netns', 'passt', 'uidmap', 'procps'],
  ...['openssl', 'nginx-light', 'prometheus', 'busybox-static'],
];
/** What each image has besides: what a user's session takes under systemd, or another init. */
const IMAGES = {
  systemd: ['libpam-systemd', 'dbus-user-session'],
  openrc: ['sysvinit-core', 'openrc'],
};
export type ImageName = keyof typeof IMAGES;

const flagsOf = (name: ImageName): string[] => [
  ...['--size', '3G'],
  ...['--include', [...IMAGES[name], ...PROGRAMS].join(',')],
];
const keyOf = (name: ImageName): string =>
  createHash('sha256').update(flagsOf(name).join(' ')).digest('hex').slice(0, 12);
const fileOf = (name: ImageName): string => `system-${keyOf(name)}.ext4`;
/** Made anew then, for the fixes of Debian. */
const WEEK_MS = 7 * 24 * 3600 * 1000;

/**
 * The image of a Debian root, made by `compart image build` where there is none that was made of the same packages.
 * @param say hears how far it is, a line at a time
 */
export async function debianImage(
  cache: string,
  name: ImageName,
  say: (line: string) => void,
): Promise<string> {
  const image = `${cache}/${fileOf(name)}`;
  if (existsSync(image) && Date.now() - statSync(image).mtimeMs < WEEK_MS) return image;
  mkdirSync(cache, { recursive: true });
  const making = `${image}.${process.pid}`;
  const building = execa(COMPART, ['image', 'build', 'debian', '--out', making, ...flagsOf(name)], {
    stdin: 'ignore',
  });
  for await (const line of building.iterable({ from: 'stderr' })) say(line.replace(/^compart: */, ''));
  await building;
  renameSync(making, image);
  removeOthers(cache);
  return image;
}

/** Takes away what was made of packages that no image has any more. */
function removeOthers(cache: string): void {
  const known = (Object.keys(IMAGES) as ImageName[]).map(fileOf);
  for (const file of readdirSync(cache))
    if (/^system-.*\.ext4/.test(file) && !known.includes(file)) rmSync(`${cache}/${file}`);
}
