import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CPU_ACCEPTED, formatCpu, parseCpu } from '../../../src/shared/units/cpu.js';
import { quotaFor, SMALLEST_CPUS } from '../../../src/host/cgroup/quota.js';
import { neverCrashes, said } from './wrong.js';

describe('parseCpu', () => {
  it.each([
    ['50%', 0.5],
    ['0.5', 0.5],
    ['.5', 0.5],
    ['500m', 0.5],
    ['500M', 0.5],
    ['1.5', 1.5],
    ['250%', 2.5],
    ['2', 2],
    ['0.5%', 0.005],
    ['1m', 0.001],
    [' 50% ', 0.5],
  ])('reads %j as %d CPUs', (text, cpus) => {
    expect(parseCpu(text)).toBe(cpus);
  });

  it.each(['max', 'MAX'])('reads %j as unlimited', (text) => {
    expect(parseCpu(text)).toBeNull();
  });

  it.each([
    '',
    '12X',
    '-1',
    '-50%',
    '+1',
    'NaN',
    'Infinity',
    '1e9',
    '50 %',
    '%',
    'm',
    '1,5',
    '0x1',
    '1.5.',
    '50%%',
    '1/2',
  ])('refuses %j and names it', (text) => {
    expect(said(() => parseCpu(text))).toEqual({
      code: 'ERR_COMPART_USAGE',
      message: `"${text}" is not a CPU share`,
      hint: `accepted: ${CPU_ACCEPTED}`,
    });
  });

  it.each(['0', '0%', '0m', '0.000', '.0'])('refuses %j: no CPU at all', (text) => {
    expect(said(() => parseCpu(text)).message).toBe(`"${text}" leaves no CPU at all`);
  });

  it('refuses a number that is beyond all numbers', () => {
    const nines = '9'.repeat(400);
    expect(said(() => parseCpu(nines)).message).toBe(`"${nines}" is too large a CPU share`);
  });

  it('gives a number above 0, null or a usage error for any text', () => {
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[-.0-9]{0,6}[%mMx ]{0,2}$/));
    fc.assert(
      fc.property(texts, (text) =>
        neverCrashes(() => {
          const cpus = parseCpu(text);
          if (cpus !== null) expect(Number.isFinite(cpus) && cpus > 0).toBe(true);
        }),
      ),
      { numRuns: 2000 },
    );
  });

  it('reads its own spelling back, to a hundredth of a percent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (hundredths) => {
        expect(parseCpu(formatCpu(hundredths / 10_000))).toBeCloseTo(hundredths / 10_000, 9);
      }),
    );
  });
});

describe('formatCpu', () => {
  it.each([
    [0.5, '50%'],
    [2, '200%'],
    [0.005, '0.5%'],
    [1 / 3, '33.33%'],
    [0.29, '29%'],
  ])('shows %d CPUs as %s', (cpus, text) => {
    expect(formatCpu(cpus)).toBe(text);
  });
});

describe('quotaFor', () => {
  it.each([
    [0.5, 50_000, 100_000],
    [2.5, 250_000, 100_000],
    [0.01, 1000, 100_000],
    [0.005, 5000, 1_000_000],
    [0.001, 1000, 1_000_000],
    [1 / 3, 33_333, 100_000],
  ])('holds %d CPUs with %d us in every %d us', (cpus, quotaUs, periodUs) => {
    expect(quotaFor(cpus)).toEqual({ quotaUs, periodUs });
  });

  it('stays within what the kernel takes and within 5% of what was asked', () => {
    fc.assert(
      fc.property(fc.double({ min: SMALLEST_CPUS, max: 512, noNaN: true }), (cpus) => {
        const { quotaUs, periodUs } = quotaFor(cpus);
        expect(quotaUs).toBeGreaterThanOrEqual(1000);
        expect(periodUs).toBeLessThanOrEqual(1_000_000);
        expect(Math.abs(quotaUs / periodUs - cpus) / cpus).toBeLessThan(0.05);
      }),
    );
  });
});
