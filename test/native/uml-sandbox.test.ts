import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { buildHarness, Den, type Who } from './guests.js';

const withGuests = requires('root', 'setpriv', 'uml', 'ldd', 'user-namespaces');
const EVERYBODY: Who[] = ['root', 'an ordinary user'];
const [OK, EPERM, ENOENT, EXDEV, EINVAL, EROFS, ENOSYS, EAFNOSUPPORT] = [0, 1, 2, 18, 22, 30, 38, 97];
/** The host's root as the root of a guest. */
const HOST = ['from=/', 'ro=/r', ...['proc', 'sys', 'dev', 'run', 'tmp'].map((dir) => `cover=/r/${dir}`)];

let den: Den;
beforeAll(buildHarness);
beforeEach(() => {
  den = new Den();
  for (const name of ['ro', 'rw']) {
    mkdirSync(den.path(name));
    chmodSync(den.path(name), 0o777);
    writeFileSync(den.path(`${name}/file`), 'as it was\n');
    chmodSync(den.path(`${name}/file`), 0o666);
  }
});
afterEach(() => den.clear());

const binds = (): string[] => [
  ...[`from=${den.path('ro')}`, 'ro=/ro'],
  ...[`from=${den.path('rw')}`, 'rw=/rw'],
];

/** Nobody wrote into what is bound read-only. */
function expectUntouched(): void {
  expect(readdirSync(den.path('ro'))).toEqual(['file']);
  expect(readFileSync(den.path('ro/file'), 'utf8')).toBe('as it was\n');
  expect(statSync(den.path('ro/file')).mode & 0o7777).toBe(0o666);
}

describe('a guest that is root in itself', () => {
  const into = (from: string): string => `mount hostfs none /tmp/m ${from}`;

  withGuests.each(EVERYBODY)('of %s writes nowhere but where it may, by whatever path of hostfs', async (who) => {
    const refused = {
      'create /tmp/m/new 644': EROFS,
      'write /tmp/m/file gone': EROFS,
      'chmod /tmp/m/file 4777': EPERM,
      'chmod /tmp/m/file 600': EROFS,
      'chown /tmp/m/file': EROFS,
      'truncate /tmp/m/file': EROFS,
      'unlink /tmp/m/file': EROFS,
      'mkdir /tmp/m/folder': EROFS,
      'mknod /tmp/m/device': EROFS,
      'symlink /etc /tmp/m/link': EROFS,
    };
    const tries = ['mount tmpfs none /tmp', 'mkdir /tmp/m', into('/rw/../ro'), ...Object.keys(refused)];
    const { guest } = await den.run({
      who,
      records: binds(),
      tries: [...tries, 'remount_rw /tmp/m', 'remount /tmp/m', 'link /tmp/m/file /tmp/m/other'],
    });
    expect(guest.tries).toMatchObject(refused);
    expect(guest.tries).toMatchObject({ 'remount_rw /tmp/m': OK, 'link /tmp/m/file /tmp/m/other': EROFS });
    expectUntouched();
  });

  withGuests.each(EVERYBODY)('of %s makes no device and no set-id file where it may write', async (who) => {
    const { guest } = await den.run({
      who,
      records: binds(),
      tries: [
        ...['mount tmpfs none /tmp', 'mkdir /tmp/m', into('/rw')],
        ...['write /tmp/m/file new', 'create /tmp/m/set 6755', 'chmod /tmp/m/set 4755', 'chown /tmp/m/set'],
        ...['mknod /tmp/m/device', 'symlink /etc/passwd /tmp/m/link', 'open /tmp/m/link'],
      ],
    });
    expect(guest.tries).toMatchObject({
      'write /tmp/m/file new': OK,
      'create /tmp/m/set 6755': OK,
      'chmod /tmp/m/set 4755': EPERM,
      'chown /tmp/m/set': who === 'root' ? EPERM : EINVAL, // there is no such user
      'mknod /tmp/m/device': EPERM,
      'open /tmp/m/link': ENOENT,
    });
    expect(readFileSync(den.path('rw/file'), 'utf8')).toMatch(/^new\n/);
    expect(lstatSync(den.path('rw/set')).mode & 0o7000).toBe(0);
    expect(readdirSync(den.path('rw')).sort()).toEqual(['file', 'link', 'set']);
  });

  withGuests('finds the sandbox where it looks for the host: by .. and by /, no /proc and no /sys', async () => {
    const { guest } = await den.run({
      records: binds(),
      tries: ['mount tmpfs none /tmp', 'mkdir /tmp/m', into('../../..'), 'list /tmp/m', into('/proc'), 'open /tmp/m/self'],
    });
    const names = guest.said('list /tmp/m').split(' ').sort();
    expect(names).toEqual(['config', 'dev', 'init', 'late', 'lib', 'lib64', 'm', 'new', 'proc', 'ro', 'rw', 'sys', 'tmp', 'usr']);
    // The folder is there for the guest's init to mount on, and empty.
    expect(guest.tries).toMatchObject({ [into('/proc')]: OK, 'open /tmp/m/self': ENOENT });
  });
});

describe('a guest that has broken out of its kernel', () => {
  /** Every try has the errno that stands after it. */
  const bare = async (tries: Record<string, number>, who: Who, records: string[] = []): Promise<void> => {
    const { guest } = await den.run({ bare: true, who, records, tries: Object.keys(tries) });
    expect(guest.tries).toEqual(tries);
  };

  withGuests.each(EVERYBODY)('of %s gets no namespace, no mount and no capability', (who) =>
    bare(
      {
        capable: EPERM,
        'unshare 10000000': EPERM,
        'unshare 20000': EPERM,
        'clone 10000000': EPERM,
        'clone 40000000': EPERM,
        'clone 0': OK,
        'call 435': ENOSYS, // clone3
        'call 437': ENOSYS, // openat2
        'call 308': EPERM, // setns
        'call 428': EPERM, // open_tree
        'call 442': EPERM, // mount_setattr
        'mount tmpfs none /tmp': EPERM,
        'umount /dev/null': EPERM,
        'remount /ro': EPERM,
        'remount_rw /': EPERM,
        'chroot /tmp': EPERM,
        'setuid 1': who === 'root' ? EPERM : EINVAL,
        'hostname broken': EPERM,
      },
      who,
      binds(),
    ),
  );

  withGuests.each(EVERYBODY)('of %s finds the system calls refused that it needs not', (who) =>
    bare(
      {
        'call 175': EPERM, // init_module
        'call 246': EPERM, // kexec_load
        'call 250': EPERM, // keyctl
        'call 298': EPERM, // perf_event_open
        'call 304': EPERM, // open_by_handle_at
        'call 321': EPERM, // bpf
        'call 323': EPERM, // userfaultfd
        'call 425': EPERM, // io_uring_setup
        'call 1073741863': EPERM, // getpid of x32
        'ioctl 0 5412': EPERM, // TIOCSTI
        'ioctl 0 400454ca': EPERM, // TUNSETIFF
        'ioctl 0 8924': EPERM, // SIOCSIFHWADDR
      },
      who,
    ),
  );

  withGuests.each(EVERYBODY)('of %s changes nothing of the host through what is bound', (who) =>
    bare(
      {
        'create /ro/new 644': EROFS,
        'write /ro/file gone': EROFS,
        'chmod /ro/file 600': EROFS,
        'link /ro/file /rw/link': EXDEV,
        'rename /ro/file /rw/file': EXDEV,
        'chmod /rw/file 4666': EPERM,
        'chmod /rw/file 2666': EPERM,
        'create /rw/set 4755': EPERM,
        'create /rw/plain 755': OK,
        'tmpfile /rw 4755': EPERM,
        'tmpfile /rw 755': OK,
        'mkfile /rw/node 6755': EPERM,
        'mknod /rw/device': EPERM,
        'chmod /dev/null 600': EROFS,
        'chown /dev/null': EROFS,
        'unlink /dev/null': EROFS,
        'write /dev/null x': OK,
        'create /fresh 644': EROFS,
        'write /config x': EROFS,
        'create /r/tmp/new 644': EROFS,
        'read /r/proc/version': ENOENT,
        'open /r/dev/null': ENOENT,
      },
      who,
      [...binds(), ...HOST],
    ).then(expectUntouched),
  );

  withGuests.each(EVERYBODY)('of %s reaches no socket beyond: no internet, no vsock, no server of the host', async (who) => {
    const server = createServer((socket) => socket.destroy()).listen(den.path('rw/socket'));
    await once(server, 'listening');
    chmodSync(den.path('rw/socket'), 0o777);
    try {
      await bare(
        {
          'socket 1': OK,
          'socket 2': EAFNOSUPPORT,
          'socket 16': EAFNOSUPPORT,
          'socket 17': EAFNOSUPPORT,
          'socket 38': EAFNOSUPPORT,
          'socket 40': EAFNOSUPPORT,
          'connect /rw/socket': EPERM,
        },
        who,
        binds(),
      );
    } finally {
      server.close();
    }
  });

  withGuests.each(EVERYBODY)('of %s makes no place for a mount of the host, nor removes one', (who) =>
    bare({ 'mkdir /late/0': EROFS, 'create /late/0 644': EROFS, 'chmod /late 777': EROFS }, who),
  );

  withGuests.each(EVERYBODY)('of %s is alone: process 1 is out of reach, and holds nothing open', async (who) => {
    const { guest } = await den.run({
      bare: true,
      who,
      tries: ['self', 'fds', 'ptrace 1', 'signal 9', 'clone 0'],
    });
    expect(guest.tries).toEqual({ self: OK, fds: OK, 'ptrace 1': EPERM, 'signal 9': OK, 'clone 0': OK });
    expect(guest.said('self')).toMatch(
      /^TMPDIR=\/tmp HOME=\/tmp PATH=\S+ pid=2 sid=1 uid=\d+ gid=\d+ core=0 cwd=\/ umask=0$/,
    );
    expect(guest.said('fds').split(' ')).toHaveLength(6);
  });
});

describe('a cover', () => {
  withGuests('is as the covered one: sticky or not, a file over a file, nothing over nothing', async () => {
    writeFileSync(den.path('ro/secret'), 'word\n');
    const { guest, status } = await den.run({
      bare: true,
      records: [
        ...[...HOST, ...binds(), 'cover=/ro/secret', 'cover=/ro/nothing', 'cover=/ro/secret/below'],
        ...['from=/etc', 'ro=/r/tmp/deep/etc'],
      ],
      tries: ['stat /r/tmp', 'stat /r/proc', 'stat /ro/secret', 'list /ro', 'list /r/tmp', 'stat /r/tmp/deep/etc'],
    });
    expect(status).toBe(0);
    expect(guest.said('stat /r/tmp')).toMatch(/^41777 0 0 /);
    expect(guest.said('stat /r/proc')).toMatch(/^40755 0 0 /);
    expect(guest.said('stat /ro/secret')).toBe('100444 0 0 0');
    expect(guest.said('list /ro').split(' ').sort()).toEqual(['file', 'secret']);
    expect(guest.said('list /r/tmp')).toBe('deep');
    expect(guest.said('stat /r/tmp/deep/etc')).toMatch(/^40755 0 0 /);
  });

  withGuests('over what the user may not reach closes the folder that is in the way', async () => {
    mkdirSync(den.path('ro/closed/secret'), { recursive: true });
    chmodSync(den.path('ro/closed'), 0o700);
    const { guest, status } = await den.run({
      bare: true,
      who: 'an ordinary user',
      records: [...binds(), 'cover=/ro/closed/secret'],
      tries: ['list /ro/closed', 'stat /ro/closed'],
    });
    expect(status).toBe(0);
    expect(guest.tries).toEqual({ 'list /ro/closed': OK, 'stat /ro/closed': OK });
    expect(guest.said('list /ro/closed')).toBe('');
  });
});
