import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  bindsOf,
  hostsText,
  HOST_NAME,
  writeHosts,
  writeResolver,
} from '../../../src/compartments/net/names.js';
import {
  destinationsOf,
  hostsLines,
  namesOf,
  resolveAllowed,
} from '../../../src/compartments/net/resolve.js';
import { addressesOf, CANDIDATES4, CANDIDATES6 } from '../../../src/host/network/pool.js';
import { CompartError } from '../../../src/shared/errors.js';
import { useFolder } from '../state.js';

const folder = useFolder();
const POOL = { ipv4: CANDIDATES4[0], ipv6: CANDIDATES6[0] };
const [web, db] = [addressesOf(POOL, 2), addressesOf({ ...POOL, ipv6: null }, 3)];
const allowed = (host: string, addresses: string[], port: number | null = null) => ({
  host,
  port,
  addresses,
});

describe('/etc/hosts of a stack', () => {
  it('is the host’s own, and then the stack, the host, its peers and what it may reach by name', () => {
    const allow = [
      allowed('example.org', ['192.0.2.7', '2001:db8::7'], 443),
      allowed('192.0.2.0/24', ['192.0.2.0/24']),
      allowed(HOST_NAME, ['10.210.0.1']),
    ];
    const lines = hostsLines('web', web, '10.210.0.1', [{ name: 'db', addresses: db }], allow);
    expect(hostsText('127.0.0.1 localhost\n\n', lines)).toBe(
      [
        '127.0.0.1 localhost',
        '10.210.0.2\tweb',
        'fd63:6f6d:7061:7274::2\tweb',
        '10.210.0.1\thost.compart.internal',
        '10.210.0.3\tdb',
        '192.0.2.7\texample.org',
        '2001:db8::7\texample.org',
        '',
      ].join('\n'),
    );
  });

  it('names the stack itself also where it has its loopback only, or the host has no file', () => {
    expect(hostsText('', hostsLines('alone', null, null, [], null))).toBe('\n127.0.0.1\talone\n');
  });
});

describe('the files of a stack', () => {
  const file = (name: string) => `${folder.path}/${name}`;

  it('are readable to every user inside, whatever the umask of the caller', () => {
    const before = process.umask(0o077);
    writeHosts(folder.path, []);
    writeResolver(folder.path, '10.210.0.1', true);
    process.umask(before);
    for (const name of ['hosts', 'resolv.conf']) expect(statSync(file(name)).mode & 0o777).toBe(0o644);
  });

  it('are rewritten in place, as what runs has them bound already', () => {
    writeHosts(folder.path, [{ address: '10.210.0.2', names: ['web'] }]);
    const { ino } = statSync(file('hosts'));
    writeHosts(folder.path, [{ address: '10.210.0.3', names: ['db'] }]);
    expect(statSync(file('hosts')).ino).toBe(ino);
    expect(readFileSync(file('hosts'), 'utf8')).toMatch(/^10\.210\.0\.3\tdb$/m);
    expect(readFileSync(file('hosts'), 'utf8')).not.toContain('web');
  });

  it('name no server where nothing may be looked up, nor where there is no network', () => {
    for (const [server, open] of [
      ['10.210.0.1', false],
      [null, true],
    ] as const) {
      expect(writeResolver(folder.path, server, open)).toBeNull();
      expect(readFileSync(file('resolv.conf'), 'utf8')).not.toMatch(/^\s*nameserver/m);
    }
  });

  it('cover those of the host that are there, each by its own', () => {
    expect(bindsOf('/state/web')).toContainEqual({ target: '/etc/hosts', source: '/state/web/hosts' });
  });

  it('that cannot be written are an error that names the file', () => {
    mkdirSync(file('hosts'));
    expect(() => writeHosts(folder.path, [])).toThrow(`${folder.path}/hosts`);
    writeFileSync(file('resolv.conf'), '');
    expect(() => writeResolver(`${folder.path}/resolv.conf`, null, true)).toThrow('resolv.conf');
  });
});

describe('what --allow names', () => {
  it('is looked up once for all its addresses; what compart knows, and addresses, are not looked up', async () => {
    const own = new Map([
      [HOST_NAME, ['10.210.0.1']],
      ['db', ['10.210.0.3', 'fd63::3']],
    ]);
    const allow = [
      allowed(HOST_NAME, [], 80),
      allowed('db', []),
      allowed('192.0.2.0/24', ['192.0.2.0/24']),
      allowed('localhost', []),
    ];
    const found = await resolveAllowed(allow, own);
    expect(found.slice(0, 3).map(({ addresses }) => addresses)).toEqual([
      ['10.210.0.1'],
      ['10.210.0.3', 'fd63::3'],
      ['192.0.2.0/24'],
    ]);
    const local = found[3]?.addresses ?? [];
    expect(local).toContain('127.0.0.1');
    expect(new Set(local).size).toBe(local.length);
  });

  it('and has no address is a usage error that names it', async () => {
    const error: unknown = await resolveAllowed([allowed('a..b', [])], new Map()).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(CompartError);
    expect(error).toMatchObject({
      code: 'ERR_COMPART_USAGE',
      message: expect.stringMatching(/^--allow: "a\.\.b" has no address: E/),
    });
  });

  it('lets each address of a name pass, with its port, by the rules of its family', () => {
    expect(destinationsOf([allowed('example.org', ['192.0.2.7', '2001:db8::7'], 443)])).toEqual([
      { family: 'ip', address: '192.0.2.7', port: 443 },
      { family: 'ip6', address: '2001:db8::7', port: 443 },
    ]);
    expect(destinationsOf([allowed('gone', [])])).toEqual([]);
  });

  it('has a name inside only where it is one', () => {
    expect(
      namesOf([allowed('192.0.2.7', ['192.0.2.7']), allowed('2001:db8::/32', ['2001:db8::/32'], 1)]),
    ).toEqual([]);
    expect(namesOf([allowed('example.org', ['192.0.2.7'])])).toEqual([
      { address: '192.0.2.7', names: ['example.org'] },
    ]);
  });
});
