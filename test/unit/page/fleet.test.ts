import { describe, expect, it } from '@jest/globals';
import { Fleet } from '../../../src/metrics/page/fleet.js';
import { event, listed, sample } from './listed.js';

const names = (fleet: Fleet): string[] => [...fleet.members.values()].map(({ listed: { name } }) => name);

describe('the fleet of the page', () => {
  it('computes rates from two samples: half a CPU, throttled in 3 of 10 periods, 8 Mbit/s down', () => {
    const fleet = new Fleet();
    const at = (usageUs: number, periods: number, throttledPeriods: number, rxBytes: number) =>
      listed('a', { sched: { usageUs, periods, throttledPeriods }, net: { rxBytes, txBytes: 0 } });
    fleet.apply(sample(0, [at(1_000_000, 100, 50, 0)], { full: true }));
    expect(fleet.named('a')?.rates.cpus).toBeNull();
    fleet.apply(sample(2, [at(2_000_000, 110, 53, 2_000_000)]));
    expect(fleet.named('a')?.rates).toMatchObject({ cpus: 0.5, throttled: 0.3, rxBps: 8_000_000, txBps: 0 });
  });

  it('takes a compartment of which nothing is said for one that does nothing', () => {
    const fleet = new Fleet();
    const idle = listed('a', { sched: { usageUs: 5, periods: 1, throttledPeriods: 1 } });
    fleet.apply(sample(0, [idle], { full: true }));
    fleet.apply(sample(1, []));
    expect(fleet.named('a')?.rates).toMatchObject({ cpus: 0, throttled: 0 });
    expect(fleet.named('a')?.past.times).toHaveLength(2);
  });

  it('knows no rate where a counter is missing, or went back', () => {
    const fleet = new Fleet();
    fleet.apply(sample(0, [listed('a', { sched: { usageUs: 500 } })], { full: true }));
    fleet.apply(sample(1, [listed('a', { sched: { usageUs: 100 } })]));
    expect(fleet.named('a')?.rates).toMatchObject({ cpus: null, throttled: null, rxBps: null });
  });

  it('forgets those that are gone, and after a full sample all that are not in it', () => {
    const fleet = new Fleet();
    fleet.apply(
      sample(
        0,
        ['a', 'b', 'c'].map((name) => listed(name)),
        { full: true },
      ),
    );
    fleet.apply(sample(1, [], { gone: ['id-b'] }));
    expect(names(fleet)).toEqual(['a', 'c']);
    fleet.apply(sample(2, [listed('c')], { full: true }));
    expect(names(fleet)).toEqual(['c']);
  });

  it('takes a name that was taken anew for another compartment', () => {
    const fleet = new Fleet();
    fleet.apply(sample(0, [listed('a', { sched: { usageUs: 1 } })], { full: true }));
    fleet.apply(sample(1, [listed('a', { sched: { usageUs: 9 } }, { id: 'new' })], { gone: ['id-a'] }));
    expect(fleet.named('a')?.rates.cpus).toBeNull();
    expect(fleet.named('a')?.past.times).toHaveLength(1);
  });

  it('marks OOM kills and changes of limits, and tells only the kills aloud', () => {
    const fleet = new Fleet();
    const limits = { vm: { limitBytes: 2 ** 29 }, sched: { limitCpus: 0.5 } };
    const events = [
      event('a', 'oom', { oomKills: 2 }),
      event('a', 'limit', { limits }),
      event('a', 'exit', {}),
    ];
    const said = fleet.apply(sample(1, [listed('a')], { full: true, events }));
    expect(said).toEqual(['a: out of memory, 2 processes killed']);
    expect(fleet.named('a')?.past.marks.map(({ kind, text }) => [kind, text])).toEqual([
      ['oom', 'out of memory, 2 processes killed'],
      ['limit', 'limits are now memory 512 MiB, CPU 50%'],
    ]);
  });

  it('keeps five minutes, and leaves a gap where nobody looked', () => {
    const fleet = new Fleet();
    const at = (second: number) => listed('a', { vm: { usageBytes: second } });
    for (let second = 0; second < 400; second += 1)
      fleet.apply(sample(second, [at(second)], { full: second === 0 }));
    const past = fleet.named('a')?.past;
    expect([past?.times.length, past?.column('memoryBytes')[0], past?.last('memoryBytes')]).toEqual([
      301, 99, 399,
    ]);
    fleet.gap();
    expect(past?.last('memoryBytes')).toBeNull();
    expect(past?.times.at(-1)).toBe((fleet.time + 500) / 1000);
  });
});
