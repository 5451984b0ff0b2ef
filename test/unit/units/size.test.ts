import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatSize, parseSize, SIZE_ACCEPTED, sizeFlag } from '../../../src/shared/units/size.js';
import { neverCrashes, said } from './wrong.js';

const GIB = 2 ** 30;
const host = (): number => 16 * GIB;

describe('parseSize', () => {
  it.each([
    ['512M', 536_870_912],
    ['1.5G', 1_610_612_736],
    ['512MiB', 536_870_912],
    ['512mib', 536_870_912],
    ['512MB', 536_870_912],
    ['512 M', 536_870_912],
    ['64k', 65_536],
    ['64K', 65_536],
    ['64kB', 65_536],
    ['1048576', 1_048_576],
    ['1048576b', 1_048_576],
    ['0', 0],
    ['.5k', 512],
    ['0.3', 0],
    ['1T', 2 ** 40],
    ['2p', 2 ** 51],
    [' 1M ', 1_048_576],
    ['25%', 4 * GIB],
    ['0.5%', 85_899_345],
    ['100%', 16 * GIB],
    ['0%', 0],
  ])('reads %j as %d bytes', (text, bytes) => {
    expect(parseSize(text, host)).toBe(bytes);
  });

  it.each(['max', 'MAX', ' max '])('reads %j as unlimited', (text) => {
    expect(parseSize(text, host)).toBeNull();
  });

  it.each([
    '',
    ' ',
    '12X',
    '-1',
    '-64M',
    '+1',
    'NaN',
    'Infinity',
    '1e9',
    '0x10',
    '1,5G',
    '1..5G',
    'M',
    '.',
    '64 M B',
    '64Mi B',
    '%',
    '-5%',
    '5 %',
    '64iB8',
    '1_000',
    '６４M',
    '64M\n64M',
  ])('refuses %j and names it', (text) => {
    expect(said(() => parseSize(text, host))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: `"${text}" is not a size`,
      hint: `accepted: ${SIZE_ACCEPTED}`,
    });
  });

  it('refuses more than the host has as a percentage, and sizes that no number holds exactly', () => {
    expect(said(() => parseSize('100.1%', host)).message).toBe('"100.1%" is more than the host\'s memory');
    expect(said(() => parseSize('9007199254740992', host)).message).toBe(
      '"9007199254740992" is too large a size',
    );
    expect(said(() => parseSize('8192P', host)).message).toBe('"8192P" is too large a size');
    expect(said(() => parseSize('9'.repeat(400), host)).message).toBe(
      `"${'9'.repeat(400)}" is too large a size`,
    );
    expect(parseSize('9007199254740991', host)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('asks for the size of the host for a percentage only', () => {
    let asked = 0;
    const counting = (): number => {
      asked += 1;
      return GIB;
    };
    parseSize('64M', counting);
    parseSize('max', counting);
    expect(asked).toBe(0);
    expect(parseSize('50%', counting)).toBe(GIB / 2);
    expect(asked).toBe(1);
  });

  it('gives a whole number of bytes, null or a usage error for any text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[-.0-9]{0,6}[%kKmMgGtTpPiIbB ]{0,4}$/),
    );
    fc.assert(
      fc.property(texts, (text) =>
        neverCrashes(() => {
          const bytes = parseSize(text, host);
          if (bytes !== null) expect(Number.isSafeInteger(bytes) && bytes >= 0).toBe(true);
        }),
      ),
      { numRuns: 2000 },
    );
  });
});

describe('sizeFlag', () => {
  it.each([
    [0, '0'],
    [1000, '1000'],
    [1024, '1k'],
    [1536, '1536'],
    [1_572_864, '1536k'],
    [536_870_912, '512M'],
    [GIB, '1G'],
    [3 * GIB, '3G'],
  ])('spells %d as %s', (bytes, text) => {
    expect(sizeFlag(bytes)).toBe(text);
  });

  it('is read back to the same number', () => {
    const sizes = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(4096).map((count) => count * 2 ** 20),
      fc.nat(4096).map((count) => count * GIB),
    );
    fc.assert(fc.property(sizes, (bytes) => parseSize(sizeFlag(bytes), host) === bytes));
  });
});

describe('formatSize', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [67_108_864, '64 MiB'],
    [67_371_008, '64.3 MiB'],
    [157_391_257, '150 MiB'],
    [GIB, '1 GiB'],
    [1_610_612_736, '1.5 GiB'],
    [2 ** 50, '1 PiB'],
    [2 ** 61, '2048 PiB'],
  ])('shows %d bytes as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it('never shows 1024 of a unit where there is a next one', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (bytes) => !/^1024(\.0)? (B|KiB|MiB|GiB)/.test(formatSize(bytes))),
    );
    expect(formatSize(GIB - 1)).toBe('1 GiB');
  });
});
