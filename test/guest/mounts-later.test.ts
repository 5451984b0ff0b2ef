import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect } from '@jest/globals';
import { asBoth, asRootOnly, type Caller } from '../support/guest-callers.js';
import { ODD, own } from '../support/guest-files.js';
import { runs, until } from '../support/programs.js';
import { useSandbox } from '../support/sandbox.js';
import { CHANGES, useVictims } from '../support/victim.js';

const sandbox = useSandbox();
const victim = useVictims();

/** Namespaces in which something of this folder, or of this file system, is mounted. */
const mountsOf = (text: string): string[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });

/** What `set` says when it refuses. */
async function refused({ compart, dir }: Caller, flags: readonly string[], name = 'vm'): Promise<string> {
  const { status, stderr } = await compart(['set', name, ...flags]);
  return `${status} ${stderr.split('\n')[0] ?? ''}`.replaceAll(dir, 'DIR');
}

async function set({ compart }: Caller, ...flags: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await compart(['set', 'vm', ...flags, '--json']);
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { guest: { mounts: string[] } }).guest.mounts;
}

describe('set --mount', () => {
  asBoth(
    sandbox,
    'shows a guest that runs folders and a file that its boot did not name, and inspect lists them',
    async (caller) => {
      const { dir, uid, detach, sh } = caller;
      for (const name of ['booted', ODD, `${ODD}/below`, 'open']) mkdirSync(`${dir}/${name}`);
      writeFileSync(`${dir}/${ODD}/below/text`, 'of the host\n');
      writeFileSync(`${dir}/file`, 'one\n');
      symlinkSync('open', `${dir}/link`);
      own(dir, uid);
      await detach('vm', ['--mount', `${dir}/booted:/booted`]);
      const mounts = await set(
        caller,
        ...['--mount', `${dir}/${ODD}:/srv/new/place:ro`, '--mount', `${dir}/link:/open`],
        ...['--mount', `${dir}/file:/etc/made.conf`],
      );
      expect(mounts).toEqual([
        `${dir}/booted:/booted`,
        `${dir}/${ODD}:/srv/new/place:ro`,
        `${dir}/open:/open`,
        `${dir}/file:/etc/made.conf`,
      ]);
      const script = `cat /srv/new/place/below/text /etc/made.conf; echo two >> /etc/made.conf; echo in > /open/file
        touch /srv/new/place/x 2> /dev/null && echo written; mount -o remount,rw /srv/new/place 2> /dev/null
        touch /srv/new/place/x 2> /dev/null && echo written; rm -rf /srv/new/place/below 2> /dev/null; true`;
      expect(await sh('vm', script)).toBe('of the host\none');
      expect(readFileSync(`${dir}/file`, 'utf8')).toBe('one\ntwo\n');
      expect(readFileSync(`${dir}/open/file`, 'utf8')).toBe('in\n');
      expect(readdirSync(`${dir}/${ODD}/below`)).toEqual(['text']);
      writeFileSync(`${dir}/${ODD}/later`, 'made later\n');
      expect(await sh('vm', 'cat /srv/new/place/later')).toBe('made later');
      await caller.compart(['rm', '--force', 'vm']);
      expect(mountsOf(dir)).toEqual([]);
    },
  );

  asBoth(sandbox, 'refuses what cannot be mounted, with the reason, and makes nothing', async (caller) => {
    const { dir, uid, detach, compart, sh } = caller;
    for (const name of ['folder', 'theirs', 'booted']) mkdirSync(`${dir}/${name}`);
    writeFileSync(`${dir}/file`, '');
    execFileSync('mkfifo', [`${dir}/pipe`]);
    own(dir, uid);
    // Of somebody else: the kernel of root's guest has no capability either.
    own(`${dir}/theirs`, uid + 1);
    chmodSync(`${dir}/theirs`, 0o700);
    expect(await refused(caller, ['--mount', `${dir}/folder:/x`])).toBe(
      '125 compart: no compartment named "vm"',
    );
    await detach('vm', ['--mount', `${dir}/booted:/booted`]);
    const taken = (at: string): string =>
      `125 compart: "vm" cannot do that now: ${at}: something is mounted there already`;
    const answers: Array<[flags: string, answer: string]> = [
      [`${dir}/none:/x`, '2 compart: --mount: cannot use "DIR/none": No such file or directory'],
      [`${dir}/folder:x`, `2 compart: --mount: "DIR/folder:x" is not of the form HOST:GUEST[:ro]`],
      [`${dir}/folder:/x/../y`, '2 compart: --mount: "/x/../y" is no place for it'],
      [`${dir}/folder:/`, '2 compart: --mount: "/" is no place for it'],
      [`${dir}/pipe:/x`, '2 compart: --mount: "DIR/pipe" is neither a folder nor a file'],
      [
        `${dir}/theirs:/x`,
        '2 compart: --mount: "DIR/theirs" cannot be read by the kernel of a guest, which has the rights of a plain user',
      ],
      [`${dir}/folder:/booted`, taken('/booted')],
      [`${dir}/folder:/proc`, taken('/proc')],
      [`${dir}/folder:/etc/passwd`, '125 compart: "vm" cannot do that now: /etc/passwd: Not a directory'],
      [`${dir}/file:/etc`, '125 compart: "vm" cannot do that now: /etc: Is a directory'],
      [`${dir}/folder:/proc/x`, '125 compart: "vm" cannot do that now: /proc/x: No such file or directory'],
    ];
    for (const [flag, answer] of answers) expect(await refused(caller, ['--mount', flag])).toBe(answer);
    expect(await set(caller, '--mount', `${dir}/folder:/once:ro`)).toHaveLength(2);
    expect(await refused(caller, ['--mount', `${dir}/folder:/once`])).toBe(taken('/once'));
    expect(await refused(caller, ['--unmount', '/booted'])).toBe(
      '125 compart: "vm" cannot do that now: /booted: nothing was mounted there while the guest ran',
    );
    expect(await refused(caller, ['--unmount', 'once'])).toBe(
      '2 compart: --unmount: "once" is no place for it',
    );
    await compart(['freeze', 'vm']);
    expect(await refused(caller, ['--mount', `${dir}/folder:/x`])).toBe(
      '125 compart: the guest "vm" is frozen',
    );
    await compart(['thaw', 'vm']);
    expect(await sh('vm', 'grep -c hostfs.*/late /proc/mounts; ls -d /x 2> /dev/null; true')).toBe('1');
    await compart(['run', '--name', 'vm2', '--keep', '--', 'true']);
    expect(await refused(caller, ['--mount', `${dir}/folder:/x`], 'vm2')).toBe(
      '2 compart: "vm2" is no guest',
    );
    await compart(['rm', '--force', 'vm', 'vm2']);
  });

  asBoth(sandbox, 'of a guest that has ended is refused, and its mounts are gone with it', async (caller) => {
    const { dir, uid, detach, compart } = caller;
    mkdirSync(`${dir}/unique`);
    own(dir, uid);
    await detach('vm', []);
    await set(caller, '--mount', `${dir}/unique:/unique`);
    expect(mountsOf(`${dir}/unique`)).not.toEqual([]);
    const { pid } = JSON.parse((await compart(['inspect', 'vm'])).stdout) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await until('the end of its keeper', () => !runs(pid));
    expect(await refused(caller, ['--mount', `${dir}/unique:/x`])).toMatch(
      /^125 compart: (the guest "vm" does not run|no compartment)/,
    );
    await compart(['rm', '--force', 'vm']);
    expect(mountsOf(`${dir}/unique`)).toEqual([]);
    rmdirSync(`${dir}/unique`);
  });

  const showsLaterMounts = async (caller: Caller, flags: readonly string[]): Promise<void> => {
    const { dir, uid, detach, sh } = caller;
    mkdirSync(`${dir}/disk`);
    own(dir, uid);
    await detach('vm', flags);
    execFileSync('mount', ['-t', 'tmpfs', 'compart-later', `${dir}/disk`]);
    try {
      writeFileSync(`${dir}/disk/there`, '');
      await set(caller, '--mount', `${dir}:/all:ro`, '--mount', `${dir}/disk:/disk:ro`);
      expect(await sh('vm', 'ls /all/disk /disk')).toBe('/all/disk:\nthere\n\n/disk:\nthere');
      await set(caller, '--unmount', '/all', '--unmount', '/disk');
    } finally {
      execFileSync('umount', [`${dir}/disk`]);
    }
    expect(mountsOf('compart-later')).toEqual([]);
    await caller.compart(['rm', '--force', 'vm']);
  };
  asBoth(
    sandbox,
    'shows what was mounted on the host since the boot, and holds nothing of it when it is unmounted',
    (caller) => showsLaterMounts(caller, []),
  );
  asRootOnly(sandbox, 'does so for a guest with a network', (caller) =>
    showsLaterMounts(caller, ['--net', 'max']),
  );
});

describe('set --unmount', () => {
  asBoth(
    sandbox,
    'takes it away, also from who mounted it anew inside; where it is in use only with --force',
    async (caller) => {
      const { dir, uid, detach, sh, compart } = caller;
      mkdirSync(`${dir}/folder`);
      writeFileSync(`${dir}/folder/text`, 'text\n');
      own(dir, uid);
      await detach('vm', []);
      expect(await set(caller, '--mount', `${dir}/folder:/data`)).toEqual([`${dir}/folder:/data`]);
      // The guest's root can mount whatever its kernel sees; what that sees is the host's decision.
      const places = await sh('vm', 'mkdir /h && mount -t hostfs -o /late none /h && ls /h && cat /h/*/text');
      expect(places).toBe('0\ntext');
      await sh('vm', 'exec 9< /data/text; (cd /data && exec sleep 1000) > /dev/null 2>&1 &');
      expect(await refused(caller, ['--unmount', '/data'])).toBe(
        '125 compart: "vm" cannot do that now: /data: it is in use in the guest',
      );
      expect(await sh('vm', 'cat /data/text')).toBe('text');
      expect(await set(caller, '--unmount', '/data', '--force')).toEqual([]);
      expect(await sh('vm', 'ls /data /h; cat /h/0/text 2> /dev/null; true')).toBe('/data:\n\n/h:');
      expect(mountsOf(`${dir}/folder`)).toEqual([]);
      expect(await set(caller, '--mount', `${dir}/folder:/data:ro`)).toEqual([`${dir}/folder:/data:ro`]);
      expect(await set(caller, '--unmount', '/data/')).toEqual([]);
      await sh('vm', 'pkill sleep');
      await compart(['rm', '--force', 'vm']);
    },
  );

  asBoth(
    sandbox,
    'leaves a root in the guest no way to change what is mounted read-only, nor the place of it',
    async (caller) => {
      const { uid, detach, sh, compart } = caller;
      const { dir, digest } = victim(uid);
      const before = digest();
      await detach('vm', ['--hide', dir]);
      await set(caller, '--mount', `${dir}:/data:ro`);
      const script = `${CHANGES}
        mkdir /h; mount -t hostfs -o /late none /h; mount -o remount,rw /h; mount -o remount,rw /data
        [ -e /data/file ] && [ -e /h/0/file ] && echo seen; changes /data; changes /h/0
        mkdir /h/1; touch /h/x; rmdir /h/0; ls /h`;
      expect(await sh('vm', `{ ${script}; } 2> /dev/null; true`)).toBe('seen\n0');
      expect(digest()).toBe(before);
      await compart(['rm', '--force', 'vm']);
    },
  );
});
