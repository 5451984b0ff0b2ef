import { describe, expect, it } from '@jest/globals';
import { formatListen, isLoopback, namesLoopback, parseListen } from '../../../src/metrics/server/listen.js';
import { said } from '../units/wrong.js';

describe('--listen', () => {
  it('takes a port, an IPv4 address and a port, or an IPv6 address in brackets and a port', () => {
    expect(['9750', 'localhost:1', '0.0.0.0:80', '[::1]:9750', '[2001:db8::1]:0'].map(parseListen)).toEqual([
      { ip: '127.0.0.1', port: 9750 },
      { ip: '127.0.0.1', port: 1 },
      { ip: '0.0.0.0', port: 80 },
      { ip: '::1', port: 9750 },
      { ip: '2001:db8::1', port: 0 },
    ]);
    expect(formatListen(parseListen('[::1]:9750'))).toBe('[::1]:9750');
  });

  it.each([
    '',
    ':9750',
    '65536',
    '-1',
    '1.2.3:80',
    '256.0.0.1:80',
    '::1:80',
    '[127.0.0.1]:80',
    'example.org:80',
    '80x',
  ])('refuses "%s"', (text) => {
    expect(said(() => parseListen(text))).toMatchObject({
      code: 'ERR_COMPART_USAGE',
      message: `--listen: "${text}" is no address and port`,
    });
  });

  it('knows what this machine alone can reach', () => {
    expect(
      ['127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::', '10.0.0.1', '::ffff:127.0.0.1'].map(isLoopback),
    ).toEqual([true, true, true, false, false, false, false]);
  });
});

describe('the Host header', () => {
  it('names this machine as localhost or by a loopback address, with any port', () => {
    const good = ['localhost', 'LOCALHOST:9750', '127.0.0.1:9750', '127.0.0.1', '[::1]:9750', '[::1]'];
    expect(good.filter((header) => !namesLoopback(header))).toEqual([]);
  });

  it('names another one in every other case', () => {
    const bad = [
      undefined,
      '',
      'example.org',
      'localhost.example.org:9750',
      '127.0.0.1.example.org',
      '127.0.0.1@example.org',
      '[::2]',
      '[::1].example.org',
      'localhost:9750:1',
      '10.0.0.1',
    ];
    expect(bad.filter(namesLoopback)).toEqual([]);
  });
});
