import { describe, expect, it } from '@jest/globals';
import { Fleet, type Member } from '../../../src/metrics/page/fleet.js';
import { arrange, bitsText, isIdle, percent, rowOf, usageText } from '../../../src/metrics/page/row.js';
import { listed, sample, START } from './listed.js';

const MIB = 2 ** 20;

function member(name: string, stats: Record<string, object>): Member {
  const fleet = new Fleet();
  fleet.apply(sample(0, [listed(name, stats)], { full: true }));
  const found = fleet.named(name);
  if (found === null) throw new Error('not there');
  return found;
}

describe('a row', () => {
  it('shows usage against its limit, in words and as a share', () => {
    const row = rowOf(
      member('a', { vm: { usageBytes: 384 * MIB, limitBytes: 512 * MIB, oomKills: 3 } }),
      START + 7.2e6,
    );
    expect(row.memory).toEqual({ value: '384 MiB', limit: '512 MiB', fraction: 0.75 });
    expect(usageText(row.memory)).toBe('384 MiB of 512 MiB');
    expect(row).toMatchObject({ name: 'a', kills: '3 OOM', uptime: '2h', command: 'true' });
  });

  it('has no bar without a limit, and says so', () => {
    const { memory, cpu } = rowOf(member('a', { vm: { usageBytes: 0, limitBytes: null } }), START);
    expect(memory).toEqual({ value: '0 B', limit: null, fraction: null });
    expect(usageText(memory)).toBe('0 B, no limit');
    expect(cpu.value).toBe('–');
  });

  it('never fills a bar beyond its end', () => {
    expect(rowOf(member('a', { pids: { current: 12, limit: 10 } }), START).tasks.fraction).toBe(1);
  });

  it('says little digits of small shares and rates', () => {
    expect([0, 0.004, 0.099, 0.0999, 0.5, 1].map(percent)).toEqual([
      '0.0%',
      '0.4%',
      '9.9%',
      '10%',
      '50%',
      '100%',
    ]);
    expect([0, 532, 9_573_214].map(bitsText)).toEqual(['0bit', '532bit', '9.57mbit']);
  });

  it('is faint where nothing goes on', () => {
    expect(['–', '0.0%', '0', '0.1%', '10'].map(isIdle)).toEqual([true, true, true, false, false]);
  });
});

describe('the order of rows', () => {
  const members = [
    member('b', { vm: { usageBytes: 5 } }),
    member('c', { vm: { usageBytes: 50 } }),
    member('a', { vm: { usageBytes: 5 } }),
  ];
  const names = (list: Member[]): string[] => list.map(({ listed: { name } }) => name);

  it('is by the chosen column, and by name where that is equal', () => {
    expect(names(arrange(members, { column: 'name', descending: false }, ''))).toEqual(['a', 'b', 'c']);
    expect(names(arrange(members, { column: 'memory', descending: true }, ''))).toEqual(['c', 'a', 'b']);
  });

  it('holds only those that the filter lets through', () => {
    expect(names(arrange(members, { column: 'name', descending: false }, ' B '))).toEqual(['b']);
  });
});
