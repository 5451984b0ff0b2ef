import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach } from '@jest/globals';
import { digest, own } from './guest-files.js';

/** A folder of the host that guests see, in which nothing may change. */
export interface Victim {
  dir: string;
  /** What {@link digest} says of it. */
  digest: () => string;
}

/** Victims below /var/tmp, unlike those of /tmp in sight of a copy of the host's root; gone after each test. */
export function useVictims(): (uid: number) => Victim {
  const made: string[] = [];
  afterEach(() => {
    for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
  });
  return (uid) => {
    const dir = mkdtempSync('/var/tmp/compart-victim-');
    made.push(dir);
    mkdirSync(`${dir}/folder`);
    for (const name of ['file', 'folder/inner']) writeFileSync(`${dir}/${name}`, `${name}\n`);
    symlinkSync('file', `${dir}/link`);
    own(dir, uid);
    return { dir, digest: () => digest(dir) };
  };
}

/** A shell function: says `did WORDS` where the words succeed, and nothing else. */
export const TRY = 'try() { "$@" > /dev/null 2>&1 && echo "did $*"; true; }';

/** All that could change what is below $1, each tried. */
export const CHANGES = `${TRY}
changes() {
  try sh -c "echo x > $1/file"; try sh -c "echo x >> $1/file"; try touch $1/new; try mkdir $1/made; try rm -f $1/file
  try rmdir $1/folder; try mv $1/file $1/moved; try chmod 777 $1/file; try chmod 4755 $1/file; try chown 1:1 $1/file
  try chown 1:1 $1; try truncate -s 0 $1/file; try ln -s /etc $1/evil; try ln $1/file $1/hard; try rm $1/link
  try ln -sfn / $1/link; try mknod $1/null c 1 3; try mknod $1/disk b 254 0; try mkfifo $1/pipe; try touch -d @1 $1/file
  try dd if=/dev/zero of=$1/file count=1; try sh -c "exec 3<> $1/file; echo x >&3"; try mv $1/folder/inner $1/inner
}`;
