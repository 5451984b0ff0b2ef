/** One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)), the fields that compart reads. */
export interface Mount {
  /** The directory of the file system that is mounted; `/` unless a part of it is. */
  root: string;
  target: string;
  readOnly: boolean;
  fstype: string;
  /** Per-superblock options: the controllers of a v1 hierarchy are here. */
  superOptions: string[];
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Parses mountinfo; lines that are not of its form are left out. */
export function parseMounts(mountinfo: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const fields = before?.split(' ') ?? [];
    const [root, target, options] = fields.slice(3);
    const [fstype, , superOptions] = after?.split(' ') ?? [];
    if (root === undefined || target === undefined || fstype === undefined) continue;
    mounts.push({
      root: unescape(root),
      target: unescape(target),
      // Of the mount, or of the file system as a whole: either forbids writing.
      readOnly: `${options ?? ''},${superOptions ?? ''}`.split(',').includes('ro'),
      fstype,
      superOptions: (superOptions ?? '').split(','),
    });
  }
  return mounts;
}
