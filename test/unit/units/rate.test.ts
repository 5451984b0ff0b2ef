import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  BANDWIDTH_ACCEPTED,
  formatBitRate,
  IO_RATE_ACCEPTED,
  parseRate,
} from '../../../src/shared/units/rate.js';
import { neverCrashes, said } from './wrong.js';

describe('parseRate', () => {
  it.each([
    ['10mbit', 10_000_000],
    ['10Mbit', 10_000_000],
    ['1.5gbit', 1_500_000_000],
    ['500kbit', 500_000],
    ['9600bit', 9600],
    ['1tbit', 1_000_000_000_000],
    ['2MB/s', 16_000_000],
    ['2mb/s', 16_000_000],
    ['512KiB/s', 4_194_304],
    ['1GiB/s', 8_589_934_592],
    ['1B/s', 8],
    ['0.5kB/s', 4000],
    [' 10mbit ', 10_000_000],
  ])('reads %j as %d bits per second', (text, bits) => {
    expect(parseRate(text)).toBe(bits);
  });

  it.each(['max', 'Max'])('reads %j as no limit', (text) => {
    expect(parseRate(text)).toBeNull();
  });

  it.each([
    ['10M', '10mbit', '10MB/s'],
    ['10Mbps', '10mbit', '10MB/s'],
    ['10MB', '10mbit', '10MB/s'],
    ['10MiB', '10mbit', '10MB/s'],
    ['10kbps', '10kbit', '10KB/s'],
    ['1.5G', '1.5gbit', '1.5GB/s'],
    ['100', '100bit', '100B/s'],
    ['100bps', '100bit', '100B/s'],
  ])('refuses %j as ambiguous and offers %s and %s, which it accepts', (text, bits, bytes) => {
    expect(said(() => parseRate(text))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: `"${text}" is ambiguous`,
      hint: `write ${bits} for bits or ${bytes} for bytes per second`,
    });
    expect(parseRate(bytes)).toBe((parseRate(bits) ?? 0) * 8);
  });

  it.each([
    '',
    '12X',
    '-1',
    '-1mbit',
    '+1mbit',
    'NaN',
    '1e9',
    '1e9bit',
    '10 mbit',
    'mbit',
    '10mbits',
    '10m bit',
    '10MB/sec',
    '10MB/m',
    '.5mbit',
    '10pbit',
    '10mibit',
    '/s',
  ])('refuses %j and names it', (text) => {
    expect(said(() => parseRate(text))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: `"${text}" is not a rate`,
      hint: `accepted: ${BANDWIDTH_ACCEPTED}`,
    });
  });

  it.each(['0bit', '0MB/s', '0.0001bit', '99999999999tbit', `${'9'.repeat(400)}bit`])(
    'refuses %j as out of range',
    (text) => {
      expect(said(() => parseRate(text)).message).toBe(`"${text}" is out of range for a rate`);
    },
  );

  it('says what its caller accepts', () => {
    expect(said(() => parseRate('x', IO_RATE_ACCEPTED)).hint).toBe(`accepted: ${IO_RATE_ACCEPTED}`);
  });

  it('gives a whole number above 0, null or a usage error for any text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[-.0-9]{0,6}[kKmMgGtT]?(bit|b\/s|ib\/s|B|bps|)$/),
    );
    fc.assert(
      fc.property(texts, (text) =>
        neverCrashes(() => {
          const bits = parseRate(text);
          if (bits !== null) expect(Number.isSafeInteger(bits) && bits > 0).toBe(true);
        }),
      ),
      { numRuns: 2000 },
    );
  });

  it('reads any whole number of bits, and of bytes, back to the same number', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 48 }),
        (count) => parseRate(`${count}bit`) === count && parseRate(`${count}B/s`) === count * 8,
      ),
    );
  });
});

describe('formatBitRate', () => {
  it.each([
    [999, '999bit'],
    [1000, '1kbit'],
    [10_000_000, '10mbit'],
    [1_250_000, '1.25mbit'],
    [1_500_000_000, '1.5gbit'],
  ])('shows %d bits per second as %s, which --net takes back', (rate, text) => {
    expect(formatBitRate(rate)).toBe(text);
    expect(parseRate(text)).toBe(rate);
  });
});
