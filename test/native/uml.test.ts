import { chmodSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import { runningAs, UID } from '../support/ordinary-user.js';
import { runs, tree, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { type Boot, buildHarness, Den, type Guest, PRELOAD_AT, type Who } from './guests.js';
import { withNamespaces } from './namespaces.js';

const withGuests = requires('root', 'setpriv', 'uml', 'ldd', 'user-namespaces');
const withTaps = requires('root', 'uml', 'ldd', 'unshare', 'nsenter', 'ip');
const EVERYBODY: Who[] = ['root', 'an ordinary user'];
const ENOENT = 2;
const ENOEXEC = 8;
/** But for those of compartments that come and go beside the tests. */
const mounts = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => !line.includes('/run/netns'));

let den: Den;
beforeAll(buildHarness);
beforeEach(() => {
  den = new Den();
});
afterEach(() => den.clear());

/** A guest that is up: its init has said so and sleeps. */
async function up(boot: Boot): Promise<Guest> {
  const guest = den.start({ ...boot, tries: [...(boot.tries ?? []), 'sleep 1', 'sleep 60000'] });
  await until('init', () => guest.stdout.includes('sleep 1: 0'));
  return guest;
}

describe('a kernel in its sandbox', () => {
  withGuests.each(EVERYBODY)('of %s boots, its init prints, and its status 7 is the child’s', async (who) => {
    const { status, guest } = await den.run({ who, tries: ['list /', 'exit 7'] });
    const names = guest.said('list /').split(' ').sort();
    expect(names).toEqual(['config', 'dev', 'init', 'late', 'lib', 'lib64', 'm', 'new', 'proc', 'sys', 'tmp', 'usr']);
    expect(status).toBe(7);
  });

  withGuests('that aborts ends with 134, as a shell has it', async () => {
    expect((await den.run({ bare: true, tries: ['abort'] })).status).toBe(134);
  });

  withGuests.each(EVERYBODY)('of %s has no capability, none to gain, and a filter', async (who) => {
    const guest = await up({ who });
    for (const pid of [await guest.first(), await guest.kernel()]) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const sets = [...status.matchAll(/^Cap(\w+):\t(\w+)$/gm)].map(([, set, bits]) => `${set} ${bits}`);
      expect(sets).toEqual(['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `${set} 0000000000000000`));
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(status).toMatch(/^Seccomp:\t2$/m);
      const uid = who === 'root' ? 0 : UID;
      expect(status).toMatch(new RegExp(`^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, 'm'));
    }
  });

  withGuests('shares no namespace of these with the host: ipc mnt net pid user uts', async () => {
    const kernel = await (await up({})).kernel();
    for (const type of ['ipc', 'mnt', 'net', 'pid', 'user', 'uts'])
      expect(readlinkSync(`/proc/${kernel}/ns/${type}`)).not.toBe(readlinkSync(`/proc/self/ns/${type}`));
    expect(readFileSync(`/proc/${kernel}/net/dev`, 'utf8').match(/^ *\w+:/gm)).toEqual(['    lo:']);
  });

  withGuests('has the library of the plan loaded, and process 1 of the sandbox has not', async () => {
    const guest = await up({});
    const loaded = (pid: number): boolean => readFileSync(`/proc/${pid}/maps`, 'utf8').includes(PRELOAD_AT);
    expect([await guest.kernel(), await guest.first()].map(loaded)).toEqual([true, false]);
  });

  withGuests('runs on the CPU of the plan alone', async () => {
    const kernel = await (await up({ records: ['cpu=0'] })).kernel();
    expect(readFileSync(`/proc/${kernel}/status`, 'utf8')).toMatch(/^Cpus_allowed_list:\t0$/m);
  });

  withGuests('has 64 MiB and 4 for its memory’s file, and no more', async () => {
    const { guest } = await den.run({ bare: true, tries: ['fill /tmp/all'] });
    expect(guest.stdout).toMatch(new RegExp(`^${(64 + 4) * 2 ** 20}\nfill /tmp/all: 28$`, 'm'));
  });

  withGuests('may have 3000 files open though the soft limit is 1024', async () => {
    mkdirSync(den.path('many'));
    for (let i = 0; i < 3000; i++) writeFileSync(den.path(`many/${i}`), '');
    const { guest } = await den.run({
      before: ['sh', '-c', 'ulimit -Sn 1024; exec "$@"', 'sh'],
      records: [`from=${den.path('many')}`, 'ro=/many'],
      tries: ['many /many 3000'],
    });
    expect(guest.tries).toEqual({ 'many /many 3000': 0 });
  });

  withGuests.each([
    ['in a user namespace that maps one id', ['unshare', '--user', '--map-user=5', '--map-group=5']],
    ['as the root of a user namespace that maps one id', ['unshare', '--user', '--map-root-user', '--net']],
  ])('boots %s', async (_where, before) => {
    const { guest } = await den.run({ who: 'an ordinary user', before, tries: ['list /dev'] });
    expect(guest.tries).toEqual({ 'list /dev': 0 });
  });
});

describe('its management console', () => {
  withGuests.each(EVERYBODY)('answers %s: version, stop, go, config mem, and what it does not know', async (who) => {
    const guest = await up({ who });
    expect(await guest.ask('version')).toMatch(/^0 Linux \S+ 6\./);
    expect(await guest.ask('stop')).toBe('0 stopped');
    expect(await guest.ask('go')).toMatch(/^0 /);
    expect(await guest.ask('config mem=-8M')).toMatch(/^0 /);
    expect(await guest.ask('nonsense')).toBe('71 Unknown command');
    expect(await guest.ask('help')).toMatch(/^0 Commands:[^]*version[^]*stack/);
  });

  withGuests('is timed out where the kernel is stopped, and its late answer is nobody else’s', async () => {
    const guest = await up({});
    const kernel = await guest.kernel();
    process.kill(kernel, 'SIGSTOP');
    expect(await guest.ask('nonsense')).toMatch(/^110 /);
    process.kill(kernel, 'SIGCONT');
    expect(await guest.ask('version')).toMatch(/^0 Linux /);
  });

  withGuests('does not follow what the guest put in its place', async () => {
    const tries = ['mount hostfs none /tmp /tmp', 'unlink /tmp/g/mconsole', 'symlink /dev/log /tmp/g/mconsole'];
    const guest = await up({ tries });
    expect(Object.values(guest.tries)).toEqual([0, 0, 0, 0]);
    expect(await guest.ask('version')).toBe('40 ');
  });
});

describe('the end', () => {
  withGuests.each(['kill', 'its parent’s death'])('by %s is that of every process', async (way) => {
    const guest = await up({});
    const all = tree(await guest.first());
    expect(all.length).toBeGreaterThan(2);
    if (way === 'kill') guest.child.stdin?.write('kill\n');
    else guest.child.kill('SIGKILL');
    await guest.ended;
    await until('nobody left', () => !all.some(runs));
  });

  withGuests.each(EVERYBODY)('of 20 guests of %s leaves no mount, no process and no file', async (who) => {
    const before = { mounts: mounts(), files: readdirSync(den.dir).length };
    for (let i = 0; i < 20; i++) {
      const guest = den.start({ who, bare: true, tries: ['list /'] });
      expect(await guest.ended).toBe(0);
      expect(runs(await guest.first())).toBe(false);
    }
    expect(runningAs(UID)).toEqual([]);
    // What the tests wrote: 20 times a boot file and a configuration.
    expect({ mounts: mounts(), files: readdirSync(den.dir).length - 40 }).toEqual(before);
  });
});

describe('what cannot be started', () => {
  const bad = async (records: string[], who: Who = 'root'): Promise<string> => {
    const { status, guest } = await den.run({ bare: true, who, records });
    expect(status).toBe(125);
    return guest.stderr.trim();
  };

  withGuests('a kernel of garbage: step kernel, ENOEXEC', async () => {
    writeFileSync(den.path('garbage'), 'no program\n');
    chmodSync(den.path('garbage'), 0o755);
    expect(await bad([`from=${den.path('garbage')}`, 'ro=/probe'])).toBe(`fail kernel ${ENOEXEC} /probe`);
  });

  withGuests('a source that is missing: step bind, its path', async () => {
    expect(await bad(['from=/no/such', 'ro=/r'])).toBe(`fail bind ${ENOENT} /no/such`);
  });

  withGuests('a place that would have to be made in what was bound', async () => {
    const records = [`from=${den.dir}`, 'rw=/w', 'from=/etc', 'ro=/w/new'];
    expect(await bad(records)).toBe(`fail bind ${ENOENT} /etc at /w/new`);
    expect(readdirSync(den.dir)).not.toContain('new');
  });

  withGuests('a cover by way of a link, which would hide something else', async () => {
    expect(await bad(['from=/', 'ro=/r', 'cover=/r/proc/self/fd'])).toBe('fail cover 40 /r/proc/self/fd');
  });

  withGuests('a CPU and a tap that are not there', async () => {
    expect(await bad(['cpu=8000'])).toBe('fail cpu 22 8000');
    expect(await bad(['tap=nosuch0'])).toBe('fail tap 19 nosuch0');
    expect(readdirSync('/sys/class/net')).not.toContain('nosuch0');
  });
});

describe('its network', () => {
  withTaps('is the tap of the namespace that the caller is in', async () => {
    await withNamespaces({}, ['--net'], async (path) => {
      const enter = `--net=${path('net')}`;
      const net = (...words: string[]): Promise<unknown> => den.command('nsenter', enter, 'ip', ...words);
      await net('tuntap', 'add', 'tap7', 'mode', 'tap');
      await net('address', 'add', '10.9.9.1/24', 'dev', 'tap7');
      await net('link', 'set', 'tap7', 'up');
      const { guest } = await den.run({
        before: ['nsenter', enter],
        records: ['tap=tap7'],
        tries: ['ask vec1 10.9.9.2 10.9.9.1'],
      });
      expect(guest.tries).toEqual({ 'ask vec1 10.9.9.2 10.9.9.1': 111 });
      await net('link', 'show', 'tap7');
    });
  });
});

describe('its files', () => {
  withGuests('are named for the owner they have, to root', async () => {
    writeFileSync(den.path('mine'), '');
    const { guest } = await den.run({
      bare: true,
      records: [`from=${den.path('mine')}`, 'rw=/mine', 'from=/etc/shadow', 'ro=/shadow'],
      tries: ['stat /mine', 'stat /shadow'],
    });
    const { uid, gid } = statSync('/etc/shadow');
    expect(guest.said('stat /mine')).toMatch(/ 0 0 0$/);
    expect(guest.said('stat /shadow')).toContain(` ${uid} ${gid} `);
  });
});
