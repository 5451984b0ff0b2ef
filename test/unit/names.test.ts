import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkName, makeId, makeName } from '../../src/compartments/names.js';
import { neverCrashes, said } from './units/wrong.js';

describe('checkName', () => {
  it.each(['a', '0', 'build', 'a.b_c-d', '9lives', 'a'.repeat(63)])('accepts %j', (name) => {
    expect(checkName(name)).toBe(name);
  });

  it.each([
    '',
    'A',
    'Build',
    'a'.repeat(64),
    '.a',
    '-a',
    '_a',
    'a/b',
    '..',
    '.',
    'a b',
    'a\n',
    '\na',
    'a\nb',
    'ä',
    'a\0',
    'a:b',
    '*',
  ])('refuses %j', (name) => {
    expect(said(() => checkName(name))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: `--name: "${name}" is not a name`,
      hint: 'accepted: 1 to 63 of a-z 0-9 . _ -, the first a letter or a digit',
    });
  });

  it('lets no text through that is a path, or hidden', () => {
    fc.assert(
      fc.property(fc.string(), (text) =>
        neverCrashes(() => expect(checkName(text)).toMatch(/^[a-z0-9][^/\s]*$/)),
      ),
    );
  });
});

describe('makeName', () => {
  it('makes names that are names, no two alike', () => {
    const names = Array.from({ length: 500 }, makeName);
    for (const name of names) expect(checkName(name)).toMatch(/^[a-z]+-[a-z]+-[0-9a-f]{6}$/);
    expect(new Set(names).size).toBe(500);
  });

  it('makes ids of 32 hexadecimal digits', () => {
    expect(makeId()).toMatch(/^[0-9a-f]{32}$/);
    expect(makeId()).not.toBe(makeId());
  });
});
