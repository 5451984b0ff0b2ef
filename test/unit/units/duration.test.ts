import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DURATION_ACCEPTED, formatDuration, parseDuration } from '../../../src/shared/units/duration.js';
import { neverCrashes, said } from './wrong.js';

const LONGEST_MS = 2_147_483_647;

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['1ms', 1],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['0.001s', 1],
    ['5m', 300_000],
    ['5M', 300_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['90m', 5_400_000],
    [' 30s ', 30_000],
    ['0h1s', 1000],
    ['2147483647ms', LONGEST_MS],
  ])('reads %j as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    ' ',
    '30',
    '12X',
    '-1s',
    '-5',
    '+5s',
    'NaN',
    '1e9',
    '1e3s',
    '5 parsecs',
    '5 m',
    '30m1h',
    '1s1s',
    's',
    'max',
    '1.5h',
    '1w',
    '1h 30m',
  ])('refuses %j and names it', (text) => {
    expect(said(() => parseDuration(text))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: `"${text}" is not a duration`,
      hint: `accepted: ${DURATION_ACCEPTED}`,
    });
  });

  it.each(['0s', '0ms', '0h0m', '0.0004s'])('refuses %j: no time at all', (text) => {
    expect(said(() => parseDuration(text)).message).toBe(`"${text}" is no time at all`);
  });

  it.each(['25d', '2147483648ms', '999999999999h', `${'9'.repeat(400)}s`])(
    'refuses %j: longer than a timer can be',
    (text) => {
      expect(said(() => parseDuration(text)).message).toBe(`"${text}" is longer than 24 days`);
    },
  );

  it('gives 1 to 2147483647 ms or a usage error for any text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^(-?[0-9.]{0,4}(d|h|m|s|ms|)){0,4}$/),
    );
    fc.assert(
      fc.property(texts, (text) =>
        neverCrashes(() => {
          const ms = parseDuration(text);
          expect(Number.isInteger(ms) && ms >= 1 && ms <= LONGEST_MS).toBe(true);
        }),
      ),
      { numRuns: 2000 },
    );
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [1500, '1s500ms'],
    [60_000, '1m'],
    [5_400_000, '1h30m'],
    [86_400_000, '1d'],
    [93_784_005, '1d2h3m4s5ms'],
  ])('spells %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('is read back to the same number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: LONGEST_MS }), (ms) => parseDuration(formatDuration(ms)) === ms),
    );
  });
});
