import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CPULIST_ACCEPTED, formatCpuList, parseCpuList } from '../../../src/shared/units/cpulist.js';
import { neverCrashes, said } from './wrong.js';

describe('parseCpuList', () => {
  it.each([
    ['0', [0]],
    ['0-2,5', [0, 1, 2, 5]],
    ['5,0-2', [0, 1, 2, 5]],
    ['1,1,1', [1]],
    ['0-3,2-4', [0, 1, 2, 3, 4]],
    ['3-3', [3]],
    [' 0, 2 ', [0, 2]],
    ['8191', [8191]],
    ['007', [7]],
  ])('reads %j as %j', (text, cpus) => {
    expect(parseCpuList(text)).toEqual(cpus);
  });

  it.each([
    '',
    ',',
    '0,',
    ',0',
    '3-1',
    '-1',
    '1-',
    '0--2',
    '0-2-4',
    'a',
    '0;1',
    '1.5',
    '50%',
    '8192',
    '0-8192',
    '0-4000000000',
    '1e3',
    'NaN',
    'max',
    '0-2:1/2',
    '0\n1',
  ])('refuses %j and names it', (text) => {
    expect(said(() => parseCpuList(text))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: `"${text}" is not a list of CPUs`,
      hint: `accepted: ${CPULIST_ACCEPTED}`,
    });
  });

  it('gives ascending numbers or a usage error for any text', () => {
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[-,0-9 ]{0,12}$/));
    fc.assert(
      fc.property(texts, (text) =>
        neverCrashes(() => {
          const cpus = parseCpuList(text);
          expect(cpus.length).toBeGreaterThan(0);
          cpus.forEach((cpu, index) => expect(cpu).toBeGreaterThan(cpus[index - 1] ?? -1));
        }),
      ),
      { numRuns: 1000 },
    );
  });
});

describe('formatCpuList', () => {
  it.each([
    [[0], '0'],
    [[0, 1], '0-1'],
    [[0, 1, 2, 5], '0-2,5'],
    [[0, 2, 4], '0,2,4'],
    [[], ''],
  ])('spells %j as %j', (cpus, text) => {
    expect(formatCpuList(cpus)).toBe(text);
  });

  it('is read back to the same CPUs', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(8191), { minLength: 1, maxLength: 60 }), (set) => {
        const cpus = [...set].sort((a, b) => a - b);
        expect(parseCpuList(formatCpuList(cpus))).toEqual(cpus);
      }),
    );
  });
});
