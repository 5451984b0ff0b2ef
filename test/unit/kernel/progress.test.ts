import { describe, expect, it } from '@jest/globals';
import { describeProgress } from '../../../src/cli/progress.js';
import { Meter } from '../../../src/kernel/uml/progress.js';

describe('the progress of a build', () => {
  it('counts the lines of make that make something, and no others', () => {
    const meter = new Meter(100);
    const lines = [
      '  CC      mm/slub.o',
      '  HOSTCC  scripts/x',
      'make: Entering',
      'warning: x',
      '  CC [M]  x.o',
      '',
    ];
    expect(lines.map((line) => meter.count(line))).toEqual([true, true, false, false, true, false]);
    expect(meter.steps).toBe(3);
  });

  it('knows no time left at 1%, some at 50%, and never says 100% before the end', () => {
    const meter = new Meter(200);
    const percents = [2, 98, 400].map((steps) => {
      for (let step = 0; step < steps; step += 1) meter.count('  CC      x.o');
      return meter.progress;
    });
    expect(percents.map(({ percent }) => percent)).toEqual([1, 50, 99]);
    expect(percents[0]?.leftMs).toBeNull();
    expect(percents[1]?.leftMs).toBeGreaterThan(0);
  });

  it.each([
    [{ phase: 'unpack', percent: 0, leftMs: null } as const, 'unpacking the source'],
    [{ phase: 'compile', percent: 1, leftMs: null } as const, 'compiling: 1%'],
    [{ phase: 'compile', percent: 42, leftMs: 190_000 } as const, 'compiling: 42%, 3m left'],
    [{ phase: 'install', percent: 100, leftMs: null } as const, 'stripping and installing'],
  ])('says %p', (progress, text) => {
    expect(describeProgress(progress)).toBe(text);
  });
});
