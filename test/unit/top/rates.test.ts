import { describe, expect, it } from '@jest/globals';
import { LiveMember } from '../../../src/metrics/live/member.js';
import { liveRates } from '../../../src/metrics/live/rates.js';
import { memberOf, recordOf, statsAt } from '../../support/members.js';

describe('rates of a compartment', () => {
  it('are differences of counters over the time between the readings', () => {
    expect(memberOf('a').rates).toMatchObject({
      cpuPercent: 50,
      throttledPercent: 50,
      rxBps: 8000,
      txBps: null,
      cpuPressurePercent: 25,
      memoryPressurePercent: null,
    });
  });

  it('are those of each kind over its own time', () => {
    const member = memberOf('a');
    const { sched = null } = statsAt(4, 0.5);
    member.heard({ sched }, 4000);
    expect(member.rates).toMatchObject({ cpuPercent: 50, rxBps: 8000 });
  });

  it('are not there where a counter went back, or no time has passed', () => {
    expect(liveRates(statsAt(2, 1), statsAt(1, 1), 1)).toMatchObject({ cpuPercent: null, rxBps: null });
    expect(liveRates(statsAt(1, 1), statsAt(2, 1), 0)).toMatchObject({ cpuPercent: null });
  });

  it('are kept for a minute', () => {
    const member = new LiveMember(recordOf('a'));
    for (let second = 0; second < 200; second += 1) member.heard(statsAt(second, 1), second * 1000);
    expect(member.past).toHaveLength(61);
  });
});
