import { describe, expect, it } from '@jest/globals';
import { resolverFor } from '../../../src/host/network/resolver.js';

const GATEWAY = '10.210.0.1';
const resolver = (host: string, upstream: string | null = null) => resolverFor(host, upstream, GATEWAY);

/** As systemd-resolved writes them. */
const STUB = `# This is /run/systemd/resolve/stub-resolv.conf managed by man:systemd-resolved(8).
# nameserver 9.9.9.9

nameserver 127.0.0.53
options edns0 trust-ad
search lan
`;
const UPSTREAM = `# This is /run/systemd/resolve/resolv.conf managed by man:systemd-resolved(8).
nameserver 192.168.1.1
nameserver 2001:db8::53
search lan
`;

describe('the name servers of a stack', () => {
  it('are those of the host where they are elsewhere, in their order', () => {
    expect(resolver('search a b\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n')).toEqual({
      text: 'search a b\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n',
      stub: null,
    });
  });

  it('are only those that are elsewhere where some are on the loopback', () => {
    expect(resolver('nameserver 127.0.0.1\nnameserver ::1\nnameserver 192.0.2.1\n')).toEqual({
      text: 'nameserver 192.0.2.1\n',
      stub: null,
    });
  });

  it('are those that systemd-resolved asks where the host names its stub, with the host’s search and options', () => {
    const { text, stub } = resolver(STUB, UPSTREAM);
    expect(stub).toBeNull();
    expect(text).toMatch(
      /^options edns0 trust-ad\nsearch lan\nnameserver 192\.168\.1\.1\nnameserver 2001:db8::53\n$/m,
    );
    expect(text).not.toMatch(/^nameserver (127|9)/m);
  });

  it.each([
    ['127.0.0.53', STUB, null],
    ['127.0.0.53', STUB, '# no servers known.\n'],
    ['127.0.0.53', STUB, 'nameserver 127.0.0.1\n'],
    ['127.0.0.1', 'nameserver 127.0.0.1\n', null],
    ['::1', 'nameserver ::1\n', null],
    ['127.1.2.3', '  nameserver\t127.1.2.3 # dnsmasq\nnameserver 127.0.0.1\n', null],
  ])('are the gateway alone, which asks %s for it, with %j and %j', (stub, host, upstream) => {
    const answer = resolver(host, upstream);
    expect(answer.stub).toBe(stub);
    expect(answer.text.match(/^\s*nameserver.*$/gm)).toEqual([`nameserver ${GATEWAY}`]);
  });

  it.each(['', 'search lan\n', '# nameserver 192.0.2.1\n', ';nameserver 192.0.2.1\n'])(
    'are the gateway, which asks the local machine as resolv.conf(5) says, with %j',
    (host) => {
      const { text, stub } = resolver(host);
      expect(stub).toBe('127.0.0.1');
      expect(text.endsWith(`nameserver ${GATEWAY}\n`)).toBe(true);
    },
  );
});
