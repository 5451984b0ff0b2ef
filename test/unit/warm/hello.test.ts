import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseHello } from '../../../src/cli/warm/hello.js';

const word = fc.string({ maxLength: 20 }).filter((text) => !text.includes('\0'));
const name = word.filter((text) => text !== '' && !text.includes('='));
const bodyOf = (...texts: string[]): Buffer => Buffer.from(texts.map((text) => `${text}\0`).join(''));
const FIXED = ['compart-warm/1', 'world', '/opt/compart', '1700000000123456', '4711', '/work'] as const;

describe('What a front says of itself', () => {
  test('is read as it was said: words and variables of any text', () => {
    fc.assert(
      fc.property(fc.array(word), fc.dictionary(name, word), (words, env) => {
        const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
        const hello = parseHello(bodyOf(...FIXED, String(words.length), ...words, ...variables));
        expect(hello).toMatchObject({ path: '/opt/compart', pid: 4711, cwd: '/work', words });
        expect(Object.entries(hello?.env ?? {}).sort()).toEqual(Object.entries(env).sort());
        expect(hello?.beganMs).toBe(1700000000123.456);
      }),
    );
  });

  test('of any bytes is read or refused, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(word), (bytes, texts) => {
        for (const body of [Buffer.from(bytes), bodyOf(...texts), bodyOf(...FIXED, ...texts)])
          expect([null, 4711]).toContain(parseHello(body)?.pid ?? null);
      }),
    );
  });

  test('has the first of two variables of one name, as getenv(3) does', () => {
    expect(parseHello(bodyOf(...FIXED, '0', 'A=1', 'A=2', '__proto__=x', 'none', '=C:=y'))?.env).toEqual(
      Object.fromEntries([
        ['A', '1'],
        ['__proto__', 'x'],
        ['=C:', 'y'],
      ]),
    );
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['another version', bodyOf('compart-warm/2', ...FIXED.slice(1), '0')],
    ['no NUL at its end', bodyOf(...FIXED, '0').subarray(0, -1)],
    ['fewer words than it counts', bodyOf(...FIXED, '2', 'run')],
    ['a count that is none', bodyOf(...FIXED, '-1')],
    ['a directory that is not absolute', bodyOf(...FIXED.slice(0, 5), 'work', '0')],
    ['a directory that is no UTF-8', Buffer.from([...bodyOf(...FIXED.slice(0, 5)), 47, 0xff, 0, 48, 0])],
    ['pid 0', bodyOf(...FIXED.slice(0, 4), '0', '/', '0')],
  ])('is refused where it is %s', (_what, body) => {
    expect(parseHello(body)).toBeNull();
  });
});
