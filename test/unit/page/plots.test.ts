import { describe, expect, it } from '@jest/globals';
import { Fleet } from '../../../src/metrics/page/fleet.js';
import type { Past } from '../../../src/metrics/page/past.js';
import {
  ceilingOf,
  linesOf,
  PLOTS,
  summaryOf,
  windowOf,
  type Plot,
} from '../../../src/metrics/page/plots.js';
import { event, listed, sample } from './listed.js';

const MIB = 2 ** 20;
const plot = (key: string): Plot => PLOTS.find((each) => each.key === key)!;

function pastOf(seconds: number, stats: (second: number) => Record<string, object>): Past {
  const fleet = new Fleet();
  for (let second = 0; second <= seconds; second += 1) {
    const events = second === 1 ? [event('a', 'oom', { oomKills: 1 })] : [];
    fleet.apply(sample(second, [listed('a', stats(second))], { full: second === 0, events }));
  }
  return fleet.named('a')!.past;
}

describe('the plots', () => {
  const past = pastOf(9, (second) => ({
    vm: { usageBytes: (second + 1) * MIB, workingSetBytes: MIB, limitBytes: 64 * MIB, highBytes: null },
    sched: { usageUs: second * 500_000, periods: second * 10, throttledPeriods: second * 2, limitCpus: null },
  }));

  it('have a line for what is measured and for each limit that there is, none for the rest', () => {
    expect(linesOf(plot('memory'), past).map(({ label }) => label)).toEqual([
      'usage',
      'working set',
      'limit',
    ]);
    expect(linesOf(plot('cpu'), past).map(({ label }) => label)).toEqual(['used', 'throttled periods']);
    expect(linesOf(plot('network'), past)).toEqual([]);
  });

  it('say in words what they show', () => {
    expect(summaryOf(plot('memory'), past)).toBe(
      'The last 9 seconds; usage 10 MiB now, between 1 MiB and 10 MiB; working set 1 MiB now, between 1 MiB and 1 MiB; ' +
        'limit 64 MiB; marks: 1 for OOM kills, 0 for changed limits.',
    );
    expect(summaryOf(plot('cpu'), past)).toContain('throttled periods 20% now, between 20% and 20%');
    expect(summaryOf(plot('network'), past)).toMatch(/^Not counted: it uses the network of the host/);
  });

  it('have room for the limit, and a least scale so that idling does not look like work', () => {
    expect(ceilingOf(plot('memory'), past)).toBeCloseTo(64 * MIB * 1.08);
    const idle = pastOf(3, () => ({ sched: { usageUs: 1 } }));
    expect(ceilingOf(plot('cpu'), idle)).toBeCloseTo(0.05 * 1.08);
  });

  it('show a minute at first, and what is kept at last', () => {
    const span = ([from, to]: [number, number]): number => to - from;
    expect(span(windowOf(past, 300))).toBe(60);
    expect(
      span(
        windowOf(
          pastOf(120, () => ({})),
          300,
        ),
      ),
    ).toBe(120);
    expect(
      span(
        windowOf(
          pastOf(500, () => ({})),
          300,
        ),
      ),
    ).toBe(300);
  });
});
