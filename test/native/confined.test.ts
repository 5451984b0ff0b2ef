import { chmodSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { type Ending, launch, plan, withFolder } from './launcher.js';
import { publicCopy, withNamespaces } from './namespaces.js';

const sh = (script: string): string[] => ['/bin/sh', '-c', script];
const withRoot = requires('root', 'unshare', 'ip');
const withUsers = requires('root', 'setpriv', 'unshare', 'user-namespaces', 'ip');
const nobody = { uid: 65534, gid: 65534 };
const addLink = 'ip link add compart0 type veth peer name compart1 2>&1; ip -o link | cut -d" " -f2';

/** Launches in a network namespace that belongs to a user namespace of nobody’s, as nobody. */
async function launchAsNobody(records: string[], script: string): Promise<Ending> {
  return withFolder(async (folder) => {
    const program = publicCopy(folder);
    return withNamespaces(nobody, ['--user', '--map-root-user', '--net'], async (path) => {
      const entered = ['user', 'net'].map((type) => `ns=${type}:${path(type)}`);
      return launch(plan(...entered, ...records), sh(script), { ...nobody, program });
    });
  });
}

describe('sysctl', () => {
  withRoot('is the parameter of the namespace entered, and not of the one left', async () => {
    const file = '/proc/sys/net/ipv4/ping_group_range';
    const before = readFileSync(file, 'utf8');
    await withNamespaces({}, ['--net'], async (path) => {
      const records = [`ns=net:${path('net')}`, 'sysctl=net/ipv4/ping_group_range:7 4711'];
      expect((await launch(plan(...records), ['cat', file])).stdout).toBe('7\t4711\n');
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  withUsers('may be set by nobody in a namespace of his', async () => {
    const ended = await launchAsNobody(
      ['sysctl=net/ipv4/ping_group_range:0 0', 'userns=1000:1000'],
      'cat /proc/sys/net/ipv4/ping_group_range',
    );
    expect(ended).toMatchObject({ code: 0, result: '' });
  });

  withRoot.each([
    ['net/ipv4/no_such:1', 2],
    ['net/ipv4/ip_forward:yes', 22],
    ['net/ipv4/ip_forward:1 1', 22],
    ['net/ipv4/ping_group_range:5 x', 22],
  ])('%s is refused with errno %i', (sysctl, errno) =>
    withNamespaces({}, ['--net'], async (path) => {
      const ended = await launch(plan(`ns=net:${path('net')}`, `sysctl=${sysctl}`), ['true']);
      expect(ended).toMatchObject({ code: 125, result: `fail sysctl ${String(errno)} ${sysctl}\n` });
    }),
  );
});

describe('userns', () => {
  withUsers('gives the ids asked for and takes every right over the network entered', async () => {
    const script = `id -u; id -g; grep CapEff /proc/self/status; ${addLink}`;
    const before = await launchAsNobody([], `id -u; ${addLink}`);
    expect(before.stdout).toMatch(/^0\n/);
    expect(before.stdout).toMatch(/compart0@compart1:\n/);
    const ended = await launchAsNobody(['userns=1234:2345'], script);
    expect(ended.result).toBe('');
    const [uid, gid, , refusal, ...links] = ended.stdout.trim().split('\n');
    expect([uid, gid, refusal]).toEqual([
      '1234',
      '2345',
      'RTNETLINK answers: Operation not permitted',
    ]);
    expect(links).toEqual(['lo:']);
  });

  withUsers('leaves a command that is not uid 0 there without a capability', async () => {
    const ended = await launchAsNobody(['userns=1234:2345'], 'grep CapEff /proc/self/status');
    expect(ended.stdout).toBe('CapEff:\t0000000000000000\n');
  });

  withRoot('confines root too', async () => {
    await withNamespaces({}, ['--net'], async (path) => {
      const records = [`ns=net:${path('net')}`, 'userns=0:0'];
      const ended = await launch(plan(...records), sh(`id -u; ${addLink}`));
      expect(ended.stdout).toMatch(/^0\nRTNETLINK answers: Operation not permitted\n/);
      expect(ended.stdout).not.toMatch(/compart0/);
    });
  });

  withUsers('still lets workdir be entered', () =>
    withFolder(async (folder) => {
      publicCopy(folder);
      expect((await launchAsNobody(['userns=1000:1000', `workdir=${folder}`], 'pwd')).stdout).toBe(
        `${folder}\n`,
      );
    }),
  );
});

describe('bind', () => {
  withRoot('shows a file over another to the command and to nobody else', () =>
    withFolder(async (folder) => {
      const source = join(folder, 'a:b');
      writeFileSync(source, '10.0.0.1 peer\n');
      const hosts = readFileSync('/etc/hosts', 'utf8');
      const records = [`bind=/etc/hosts:${source}`, `workdir=${folder}`];
      const ended = await launch(plan(...records), sh('cat /etc/hosts; pwd; readlink /proc/self/ns/mnt'), {
        during: async (launched) => {
          await launched.ended;
          expect(readFileSync('/etc/hosts', 'utf8')).toBe(hosts);
        },
      });
      const [line, pwd, mnt] = ended.stdout.split('\n');
      expect([line, pwd]).toEqual(['10.0.0.1 peer', folder]);
      expect(mnt).not.toBe(readlinkSync('/proc/self/ns/mnt'));
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toMatch(/ \/etc\/hosts /);
    }),
  );

  withUsers('works for nobody, in the user namespace made on the way, several at once', () =>
    withFolder(async (folder) => {
      publicCopy(folder);
      const files = ['hosts', 'resolv'].map((name) => join(folder, name));
      for (const file of files) writeFileSync(file, `${file}\n`, { mode: 0o644 });
      const binds = [`bind=/etc/hosts:${files[0]!}`, `bind=/etc/passwd:${files[1]!}`];
      const ended = await launchAsNobody(['userns=1000:1000', ...binds], 'cat /etc/hosts /etc/passwd; id -u');
      expect(ended).toMatchObject({ stdout: `${files.join('\n')}\n1000\n`, result: '' });
    }),
  );

  withRoot('leaves the mount namespace alone where nothing is bound', async () => {
    const { stdout } = await launch(plan(), ['readlink', '/proc/self/ns/mnt']);
    expect(stdout.trim()).toBe(readlinkSync('/proc/self/ns/mnt'));
  });

  withRoot.each([
    ['/etc/hosts:/nonexistent', 2],
    ['/nonexistent:/etc/hosts', 2],
    ['/etc/hosts:/etc', 21],
    ['/etc:/etc/hosts', 21],
    ['/etc/hosts:/dev/null', 22],
  ])('%s is refused with errno %i', async (bind, errno) => {
    expect(await launch(plan(`bind=${bind}`), ['true'])).toMatchObject({
      code: 125,
      result: `fail bind ${String(errno)} ${bind}\n`,
    });
  });
});

describe('capdrop', () => {
  const bits = (text: string, name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\t([0-9a-f]+)$`, 'm').exec(text)?.[1] ?? ''}`);

  withRoot('takes CAP_NET_ADMIN from root and from all that root becomes', () =>
    withNamespaces({}, ['--net'], async (path) => {
      const status = 'cat /proc/self/status';
      const script = `${status}; ${addLink}; exec setpriv --reuid=0 ip link add compart0 type veth peer name compart1`;
      const ended = await launch(plan(`ns=net:${path('net')}`, 'capdrop=12', 'capdrop=63'), sh(script));
      for (const set of ['CapBnd', 'CapEff', 'CapPrm', 'CapInh', 'CapAmb'])
        expect(bits(ended.stdout, set) & (1n << 12n)).toBe(0n);
      expect(bits(ended.stdout, 'CapBnd')).toBe(
        bits(readFileSync('/proc/self/status', 'utf8'), 'CapBnd') & ~(1n << 12n),
      );
      expect(ended.stdout).toMatch(/RTNETLINK answers: Operation not permitted/);
      expect(ended.stderr).toBe('RTNETLINK answers: Operation not permitted\n');
    }),
  );

  withRoot('may take all 64, CAP_SETPCAP among them', async () => {
    const records = Array.from({ length: 64 }, (_, number) => `capdrop=${String(number)}`);
    const { stdout } = await launch(plan(...records), ['cat', '/proc/self/status']);
    for (const set of ['CapBnd', 'CapEff', 'CapPrm', 'CapInh', 'CapAmb']) expect(bits(stdout, set)).toBe(0n);
  });

  withRoot('is lasting: a setuid-root program of the user it becomes does not have it back', () =>
    withNamespaces({}, ['--net'], async (path) => {
      await withFolder(async (folder) => {
        const [cat = ''] = publicCopy(folder, '/bin/cat');
        chmodSync(cat, 0o4755);
        const ids = ['groups=', 'gid=65534', 'uid=65534'];
        const read = [cat, '/proc/self/status'];
        const kept = (await launch(plan(`ns=net:${path('net')}`, ...ids), read)).stdout;
        const dropped = (await launch(plan(`ns=net:${path('net')}`, 'capdrop=12', ...ids), read)).stdout;
        expect(bits(kept, 'CapEff') & (1n << 12n)).not.toBe(0n);
        expect(bits(dropped, 'CapEff') & (1n << 12n)).toBe(0n);
        expect(bits(dropped, 'CapEff')).not.toBe(0n);
      });
    }),
  );

  withUsers('is refused to one who may not, and works in a user namespace of his own', () =>
    withFolder(async (folder) => {
      const options = { ...nobody, program: publicCopy(folder) };
      const refused = await launch(plan('capdrop=12'), ['true'], options);
      expect(refused).toMatchObject({ code: 125, result: 'fail capdrop 1 12\n' });
      const records = ['userns=0:0', 'capdrop=12'];
      const { stdout } = await launch(plan(...records), ['cat', '/proc/self/status'], options);
      expect(bits(stdout, 'CapEff') & (1n << 12n)).toBe(0n);
      expect(bits(stdout, 'CapEff')).not.toBe(0n);
    }),
  );
});
