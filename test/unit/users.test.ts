import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lookUpUser } from '../../src/host/users.js';
import { neverCrashes, said } from './units/wrong.js';

const etc = fileURLToPath(new URL('../fixtures/etc', import.meta.url));
const build = { uid: 1000, gid: 1000, groups: [1000, 998, 27], name: 'build', home: '/home/build' };

describe('lookUpUser', () => {
  it.each([
    ['build', build],
    ['1000', build],
    ['build:docker', { ...build, gid: 998, groups: [998, 27] }],
    ['build:5', { ...build, gid: 5, groups: [5, 998, 27] }],
    ['root', { uid: 0, gid: 0, groups: [0], name: 'root', home: '/root' }],
    ['2000', { uid: 1001, gid: 1001, groups: [1001], name: '2000', home: '/home/2000' }],
    ['4242', { uid: 4242, gid: 4242, groups: [4242], name: null, home: null }],
    ['4242:nogroup', { uid: 4242, gid: 65_534, groups: [65_534], name: null, home: null }],
    [
      '4294967294',
      { uid: 4_294_967_294, gid: 4_294_967_294, groups: [4_294_967_294], name: null, home: null },
    ],
  ])('resolves %j', (text, credentials) => {
    expect(lookUpUser(text, etc)).toEqual(credentials);
  });

  it.each(['', 'nosuch', '-1', '1.5', '4294967295', '99999999999', ' root', ':root', '# a comment', 'buil'])(
    'knows no user %j',
    (text) => {
      expect(said(() => lookUpUser(text, etc))).toEqual({
        code: 'ERR_COMPART_USAGE',
        message: `--user: no user "${text.split(':')[0] ?? ''}" in ${etc}/passwd`,
        hint: 'give a name or a number, as in --user nobody or --user 1000:1000',
      });
    },
  );

  it.each(['root:nosuch', 'root:', 'root:-1', '4242:4294967295'])('knows no group in %j', (text) => {
    const { code, message } = said(() => lookUpUser(text, etc));
    expect([code, message]).toEqual([
      'ERR_COMPART_USAGE',
      `--user: no group "${text.split(':')[1] ?? ''}" in ${etc}/group`,
    ]);
  });

  it('refuses a third part instead of losing it', () => {
    expect(said(() => lookUpUser('root:root:x', etc)).message).toBe(
      '--user: "root:root:x" is not of the form USER[:GROUP]',
    );
  });

  it('needs no user database for numbers', () => {
    expect(lookUpUser('7:8', '/nonexistent')).toEqual({
      uid: 7,
      gid: 8,
      groups: [8],
      name: null,
      home: null,
    });
    expect(said(() => lookUpUser('root', '/nonexistent')).code).toBe('ERR_COMPART_USAGE');
  });

  it('gives whole ids or a usage error for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{0,11}(:[0-9a-z]{0,3}){0,2}$/)), (text) =>
        neverCrashes(() => {
          const { uid, gid, groups } = lookUpUser(text, etc);
          for (const id of [uid, gid, ...groups])
            expect(Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1).toBe(true);
        }),
      ),
    );
  });
});
