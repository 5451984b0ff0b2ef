import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  formatAllowed,
  formatPublished,
  NET_ACCEPTED,
  parseAllow,
  parseDelay,
  parseLoss,
  parseNet,
  parsePublish,
  parseUnpublish,
} from '../../../src/compartments/net/limits.js';
import { neverCrashes, said } from '../units/wrong.js';

const own = (rxLimitBps: number | null, txLimitBps: number | null) => ({
  stack: 'own',
  rxLimitBps,
  txLimitBps,
});
const refused = (parse: (text: string) => unknown, text: string) => {
  const { code, message } = said(() => parse(text));
  expect(code).toBe('ERR_COMPART_USAGE');
  return message;
};
const ipv6 = fc.ipV6().filter((text) => !text.includes('%'));
const ports = fc.integer({ min: 1, max: 65_535 });

describe('--net', () => {
  it.each([
    ['10mbit', own(1e7, 1e7)],
    ['10mbit/2mbit', own(1e7, 2e6)],
    ['1gbit/max', own(1e9, null)],
    ['max/1.5mbit', own(null, 1.5e6)],
    ['max', own(null, null)],
    ['2MB/s', own(1.6e7, 1.6e7)],
    ['2MB/s/512KiB/s', own(1.6e7, 4_194_304)],
    ['2MB/s/1mbit', own(1.6e7, 1e6)],
    ['1mbit/2MB/s', own(1e6, 1.6e7)],
    [' 8kbit ', own(8000, 8000)],
    ['None', { stack: 'none', rxLimitBps: null, txLimitBps: null }],
    ['host', 'host'],
  ])('reads %j', (text, net) => {
    expect(parseNet(text)).toEqual(net);
  });

  it.each([
    ['10M', '"10M" is ambiguous'],
    ['10mbit/10M', '"10M" is ambiguous'],
    ['7999bit', '"7999bit" is out of range for a network'],
    ['1tbit', '"1tbit" is out of range for a network'],
    ['1mbit/2mbit/3mbit', '"1mbit/2mbit/3mbit" is not a rate or two'],
    ['10mbit/', '"" is not a rate'],
    ['/10mbit', '"" is not a rate'],
    ['', '"" is not a rate'],
    ['none/1mbit', '"none" is not a rate'],
    ['host/1mbit', '"host" is not a rate'],
    ['bridge', '"bridge" is not a rate'],
  ])('refuses %j: %s', (text, message) => {
    expect(refused(parseNet, text)).toBe(message);
  });

  it('says what it takes', () => {
    expect(said(() => parseNet('bridge')).hint).toBe(`accepted: ${NET_ACCEPTED}`);
  });

  it('asks the kernel for whole bytes per second only, the unit in which it counts', () => {
    expect(parseNet('8001bit')).toEqual(own(8000, 8000));
    fc.assert(
      fc.property(fc.integer({ min: 8000, max: 1e11 }), (rate) => {
        const net = parseNet(`${rate}bit`);
        expect(net).toEqual(own(rate - (rate % 8), rate - (rate % 8)));
      }),
    );
  });

  it('gives limits or a usage error for any text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[\d.]{0,4}[kKmMgGt]?(bit|B\/s|)(\/[\d.]{0,4}[kM]?(bit|B\/s|max|))?$/),
    );
    fc.assert(
      fc.property(texts, (text) => neverCrashes(() => parseNet(text))),
      { numRuns: 2000 },
    );
  });
});

describe('--publish', () => {
  it.each([
    ['8080:80', { protocol: 'tcp', ip: '127.0.0.1', hostPort: 8080, port: 80 }],
    ['8080:80/tcp', { protocol: 'tcp', ip: '127.0.0.1', hostPort: 8080, port: 80 }],
    ['0.0.0.0:5353:53/udp', { protocol: 'udp', ip: '0.0.0.0', hostPort: 5353, port: 53 }],
    ['[::1]:8080:80', { protocol: 'tcp', ip: '::1', hostPort: 8080, port: 80 }],
    [' [2001:db8::1]:1:65535/udp ', { protocol: 'udp', ip: '2001:db8::1', hostPort: 1, port: 65_535 }],
  ])('reads %j', (text, published) => {
    expect(parsePublish(text)).toEqual(published);
  });

  it.each([
    ['', '"" is not of the form [IP:]HOST:PORT'],
    ['80', '"80" is not of the form [IP:]HOST:PORT'],
    ['::1:8080:80', '"::1:8080:80" is not of the form [IP:]HOST:PORT'],
    ['localhost:8080:80', '"localhost:8080:80": "localhost" is not an address'],
    ['[127.0.0.1]:8080:80', '"[127.0.0.1]:8080:80": "127.0.0.1" is not an address'],
    ['[fe80::1%eth0]:8080:80', '"[fe80::1%eth0]:8080:80": "fe80::1%eth0" is not an address'],
    ['0:80', '"0:80": "0" is not a port'],
    ['65536:80', '"65536:80": "65536" is not a port'],
    ['8080:http', '"8080:http": "http" is not a port'],
    ['8080:', '"8080:": "" is not a port'],
    ['-1:80', '"-1:80": "-1" is not a port'],
    ['8e3:80', '"8e3:80": "8e3" is not a port'],
    ['8080:80/sctp', '"8080:80/sctp": "sctp" is no protocol'],
    ['8080:80/UDP', '"8080:80/UDP": "UDP" is no protocol'],
    ['8080-8090:80', '"8080-8090:80": "8080-8090" is not a port'],
  ])('refuses %j: %s', (text, message) => {
    expect(refused(parsePublish, text)).toBe(message);
  });

  it('is shown as it is read, for every address, port and protocol', () => {
    const published = fc.record({
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      ip: fc.oneof(fc.ipV4(), ipv6),
      hostPort: ports,
      port: ports,
    });
    fc.assert(fc.property(published, (each) => expect(parsePublish(formatPublished(each))).toEqual(each)));
  });

  it.each([
    ['8080', { protocol: 'tcp', ip: '127.0.0.1', hostPort: 8080 }],
    ['5353/udp', { protocol: 'udp', ip: '127.0.0.1', hostPort: 5353 }],
    ['[::1]:8080', { protocol: 'tcp', ip: '::1', hostPort: 8080 }],
    ['0.0.0.0:8080', { protocol: 'tcp', ip: '0.0.0.0', hostPort: 8080 }],
    ['0.0.0.0:8080:80/udp', { protocol: 'udp', ip: '0.0.0.0', hostPort: 8080 }],
  ])('is taken back by %j', (text, port) => {
    expect(parseUnpublish(text)).toMatchObject(port);
  });

  it('gives a port or a usage error for any text, also when it is taken back', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^(\[[0-9a-f:%.]{0,6}\]:|[\d.]{0,9}:)?\d{0,6}(:\d{0,6})?(\/\w{0,4})?$/),
    );
    for (const parse of [parsePublish, parseUnpublish])
      fc.assert(
        fc.property(texts, (text) => neverCrashes(() => parse(text))),
        { numRuns: 2000 },
      );
  });
});

describe('--allow', () => {
  it.each([
    ['example.org', 'example.org', null, []],
    ['example.org:443', 'example.org', 443, []],
    ['_ldap._tcp.example', '_ldap._tcp.example', null, []],
    ['192.0.2.7', '192.0.2.7', null, ['192.0.2.7']],
    ['192.0.2.7:5432', '192.0.2.7', 5432, ['192.0.2.7']],
    ['192.0.2.0/24', '192.0.2.0/24', null, ['192.0.2.0/24']],
    ['192.0.2.0/24:443', '192.0.2.0/24', 443, ['192.0.2.0/24']],
    ['0.0.0.0/0', '0.0.0.0/0', null, ['0.0.0.0/0']],
    ['2001:db8::1', '2001:db8::1', null, ['2001:db8::1']],
    ['2001:db8::/32', '2001:db8::/32', null, ['2001:db8::/32']],
    ['[2001:db8::1]:443', '2001:db8::1', 443, ['2001:db8::1']],
    ['[2001:db8::/32]:443', '2001:db8::/32', 443, ['2001:db8::/32']],
    ['[2001:db8::1]', '2001:db8::1', null, ['2001:db8::1']],
  ])('reads %j', (text, host, port, addresses) => {
    expect(parseAllow(text)).toEqual({ host, port, addresses });
  });

  it.each([
    '',
    ':443',
    '10.0.0',
    '256.1.1.1',
    '1.2.3.4.5',
    '10.0.0.0/33',
    '2001:db8::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '[example.org]:443',
    'a..b',
    '-a.org',
    'a-.org',
    '*.example.org',
    'a b',
    '[fe80::1%eth0]:80',
    `${'a'.repeat(65)}.org`,
    'x'.repeat(254),
  ])('refuses %j, which is neither a host nor a network', (text) => {
    expect(refused(parseAllow, text)).toBe(`"${text}" is neither a host nor a network`);
  });

  it.each([
    ['example.org:0', '0'],
    ['example.org:', ''],
    ['example.org:http', 'http'],
    ['192.0.2.1:65536', '65536'],
    ['https://example.org', '//example.org'],
    ['fe80::1%eth0', ':1%eth0'],
  ])('refuses %j for its port', (text, port) => {
    expect(refused(parseAllow, text)).toBe(`"${text}": "${port}" is not a port`);
  });

  it('is shown as it is read, for every host, address, network and port', () => {
    const length = (most: number) => fc.option(fc.integer({ min: 0, max: most }));
    const network = (addresses: fc.Arbitrary<string>, most: number) =>
      fc
        .tuple(addresses, length(most))
        .map(([address, bits]) => (bits === null ? address : `${address}/${bits}`));
    const hosts = fc.oneof(network(fc.ipV4(), 32), network(ipv6, 128), fc.domain());
    fc.assert(
      fc.property(hosts, fc.option(ports), (host, port) => {
        const allowed = parseAllow(formatAllowed({ host, port, addresses: [] }));
        expect([allowed.host, allowed.port]).toEqual([host, port]);
      }),
    );
  });

  it('gives a place or a usage error for any text, and never a text that nft could take for more than one', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^\[?[\da-f.:%/ ;{}]{0,20}\]?(:\d{0,6})?$/),
    );
    fc.assert(
      fc.property(texts, (text) =>
        neverCrashes(() => {
          for (const address of parseAllow(text).addresses) expect(address).toMatch(/^[\da-f.:]+(\/\d+)?$/i);
        }),
      ),
      { numRuns: 3000 },
    );
  });
});

describe('--delay and --loss', () => {
  it.each([
    ['50ms', 50_000],
    ['1s', 1_000_000],
    ['10s', 10_000_000],
    ['0', null],
    ['max', null],
  ])('a delay of %s is %p µs', (text, us) => {
    expect(parseDelay(text)).toBe(us);
  });

  it.each([
    ['1%', 1],
    ['0.1%', 0.1],
    ['100%', 100],
    ['0%', null],
  ])('a loss of %s is %p of 100', (text, percent) => {
    expect(parseLoss(text)).toBe(percent);
  });

  it.each(['', '50', '-1ms', '10001ms', '1h', 'soon'])('a delay of %j is refused', (text) => {
    expect(refused(parseDelay, text)).toContain(`"${text}"`);
  });

  it.each(['', '1', '-1%', '100.1%', '1e1%', '%', 'NaN%'])('a loss of %j is refused', (text) => {
    expect(refused(parseLoss, text)).toBe(`"${text}" is not a share of packets`);
  });

  it('any text gives a number within reason, nothing, or a usage error', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^\d{0,5}(\.\d{0,3})?(%|ms|s|m|h|)$/),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const within = (parse: (text: string) => number | null, most: number) =>
          neverCrashes(() => {
            const value = parse(text);
            expect(value === null || (value > 0 && value <= most)).toBe(true);
          });
        return within(parseDelay, 1e7) && within(parseLoss, 100);
      }),
      { numRuns: 2000 },
    );
  });
});
