import { execFileSync } from 'node:child_process';
import { copyFileSync, constants } from 'node:fs';
import { beforeAll, describe, expect } from '@jest/globals';
import { debianRoot, type DebianRoot } from '../support/debian.js';
import { asRootOnly, GUEST_NEEDS, type Caller } from '../support/guest-callers.js';
import { busyboxRoot, own } from '../support/guest-files.js';
import { until } from '../support/programs.js';
import { canRun } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';
import { Terminal } from '../support/terminal.js';

const sandbox = useSandbox();
const NEEDS = ['mmdebstrap', 'mke2fs'];
let debian: DebianRoot;
const there = canRun(...GUEST_NEEDS, ...NEEDS);
beforeAll(() => {
  if (there) debian = debianRoot();
}, 600_000);

interface Ended {
  name: string;
  verdict: string;
  exitCode: number | null;
  guest: { reason: string };
}

const last = async ({ compart }: Caller): Promise<Ended | undefined> =>
  (JSON.parse((await compart(['history', '--json'])).stdout) as Ended[]).at(-1);

/** Boots it, and waits until systemd has reached its default target and nothing is left to do. */
async function running(caller: Caller, root: string, ...flags: string[]): Promise<void> {
  await caller.detach('vm', ['--mem', '256M', '--root', root, '--init', '/sbin/init', ...flags]);
  await until(
    'systemd has started everything',
    async () =>
      (await caller.compart(['exec', 'vm', '--', 'systemctl', 'is-system-running'])).stdout === 'running\n',
    180_000,
  );
}

describe('a Debian root with --init /sbin/init', () => {
  asRootOnly(
    sandbox,
    'as a folder, copy-on-write: systemd reaches multi-user, commands run beside it, and rm --force ends it through systemd',
    async (caller) => {
      const { sh, compart } = caller;
      await running(caller, debian.folder);
      expect(
        await sh(
          'vm',
          'cat /proc/1/comm; systemctl is-active multi-user.target dbus; systemctl --failed --no-legend',
        ),
      ).toBe('systemd\nactive\nactive');
      expect(
        await sh('vm', 'hostname; for at in / /run /sys/fs/cgroup; do findmnt -no FSTYPE $at; done'),
      ).toBe('vm\noverlay\ntmpfs\ncgroup2');
      const started = Date.now();
      expect(await compart(['rm', '--force', 'vm'])).toMatchObject({ status: 0, stderr: '' });
      expect(Date.now() - started).toBeLessThan(12_000);
      expect(await last(caller)).toMatchObject({
        name: 'vm',
        verdict: 'ok',
        exitCode: 0,
        guest: { reason: 'stopped' },
      });
    },
    NEEDS,
  );

  asRootOnly(
    sandbox,
    'as an ext4 image with :rw, held to 80 tasks: what a service wrote is there at the next boot, and the file system is clean',
    async (caller) => {
      const image = `${caller.dir}/image`;
      copyFileSync(debian.image, image, constants.COPYFILE_FICLONE);
      await running(caller, `${image}:rw`, '--pids', '80');
      expect(
        await caller.sh(
          'vm',
          'systemd-run --wait --quiet sh -c "echo kept > /var/kept; cat /proc/1/cgroup >> /var/kept"; cat /var/kept',
        ),
      ).toBe('kept\n0::/init.scope');
      // Root of systemd's part of the groups cannot lift what holds all of it.
      const lift =
        'systemd-run --wait --quiet sh -c "cd /sys/fs/cgroup; echo max > pids.max; cd ..; ls -d cgroup/guest"; true';
      await caller.sh('vm', lift);
      expect(await caller.sh('vm', 'mkdir /g; mount -t cgroup2 g /g; cat /g/guest/pids.max')).toBe('80');
      await caller.compart(['kill', 'vm', '--signal', 'TERM']);
      await until('it has powered off', async () => (await last(caller))?.name === 'vm', 15_000);
      expect(await last(caller)).toMatchObject({ verdict: 'ok', guest: { reason: 'stopped' } });
      execFileSync('/sbin/e2fsck', ['-fn', image], { stdio: 'ignore' });
      expect(await caller.boot(['--root', image], 'cat /var/kept')).toMatchObject({
        status: 0,
        stdout: 'kept\n0::/init.scope\n',
      });
    },
    NEEDS,
  );

  asRootOnly(
    sandbox,
    'has a login on its console, and poweroff inside is an end of its own accord',
    async (caller) => {
      await running(caller, debian.image);
      const { env, dir: cwd } = caller;
      const terminal = await Terminal.open([COMPART, 'console', 'vm'], { env, cwd });
      try {
        await terminal.keys('Enter');
        await terminal.shows(/vm login:/);
        await terminal.line('root');
        await terminal.shows(/root@vm:~#/);
      } finally {
        await terminal.close();
      }
      await caller.compart(['exec', 'vm', '--', 'systemctl', 'poweroff', '--no-block']);
      await until('it has powered off', async () => (await last(caller))?.name === 'vm', 15_000);
      expect(await last(caller)).toMatchObject({ verdict: 'ok', exitCode: 0, guest: { reason: 'poweroff' } });
    },
    [...NEEDS, 'tmux'],
  );
});

describe('a root with the init of busybox', () => {
  asRootOnly(
    sandbox,
    'runs what /etc/inittab says, takes commands beside it, and powers off through it',
    async (caller) => {
      const root = busyboxRoot(`${caller.dir}/root`, 0);
      execFileSync('sh', [
        '-c',
        `mkdir $1/sbin $1/proc; for f in init poweroff; do ln -s ../bin/busybox $1/sbin/$f; done
         printf '::sysinit:/bin/touch /began\\n::shutdown:/bin/sh -c "echo down > /shared/end"\\n' > $1/etc/inittab; mkdir $2`,
        'sh',
        root,
        `${caller.dir}/shared`,
      ]);
      own(root, 0);
      const mount = ['--mount', `${caller.dir}/shared:/shared`];
      await caller.detach('vm', ['--root', root, '--init', '/sbin/init', ...mount]);
      expect(await caller.sh('vm', 'ls /began; cat /proc/1/cmdline')).toContain('/began\n');
      expect(await caller.compart(['rm', '--force', 'vm'])).toMatchObject({ status: 0, stderr: '' });
      expect(execFileSync('cat', [`${caller.dir}/shared/end`], { encoding: 'utf8' })).toBe('down\n');
      expect(await last(caller)).toMatchObject({ verdict: 'ok', guest: { reason: 'stopped' } });
    },
    ['busybox'],
  );
});
