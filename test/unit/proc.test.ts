import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { identify, isAlive } from '../../src/host/proc/identity.js';
import { parseMeminfo } from '../../src/host/proc/meminfo.js';
import { parseStat, readStat } from '../../src/host/proc/stat.js';
import { aliveIn, readProcesses } from '../../src/host/proc/table.js';

const line = (comm: string, state = 'S', flags = 4_194_304): string =>
  `4711 (${comm}) ${state} 1 4700 4700 34816 4701 ${flags} 136 0 0 0 2 1 0 0 20 0 5 0 123456 8486912 900 18446744073709551615 1 1 0 0 0 0 0 3670020 1266777851 0 0 0 17 0 0 0 0 0 0`;

describe('parseStat', () => {
  it('reads the fields that compart uses', () => {
    expect(parseStat(line('sleep'))).toEqual({
      pid: 4711,
      command: 'sleep',
      state: 'S',
      parent: 1,
      processGroup: 4700,
      foregroundGroup: 4701,
      kernelThread: false,
      exiting: false,
      threads: 5,
      startTime: 123_456,
    });
  });

  it.each(['a b', ')', '(', '((', ') R 1 2', 'tmux: server', '', ' ', 'a)b(c', '\n'])(
    'reads the command %j whole',
    (comm) => {
      expect(parseStat(line(comm, 'Z'))).toMatchObject({
        pid: 4711,
        command: comm,
        state: 'Z',
        startTime: 123_456,
      });
    },
  );

  it('tells a kernel thread', () => {
    expect(parseStat(line('kworker/0:1', 'I', 0x04208060))?.kernelThread).toBe(true);
  });

  it('reads any command whole, and never throws on anything else', () => {
    fc.assert(fc.property(fc.string({ maxLength: 15 }), (comm) => parseStat(line(comm))?.command === comm));
    fc.assert(fc.property(fc.string(), (text) => parseStat(text) === null));
    fc.assert(fc.property(fc.nat(60), (length) => void parseStat(line('x').slice(0, length))));
  });
});

describe('an identity', () => {
  it('is this process as long as the start time fits, and no other one', () => {
    const self = identify('/proc', 'self');
    expect(self?.pid).toBe(process.pid);
    expect(isAlive('/proc', self ?? { pid: 0, startTime: 0 })).toBe(true);
    expect(isAlive('/proc', { pid: process.pid, startTime: (self?.startTime ?? 0) + 1 })).toBe(false);
    expect(readStat('/proc', 4_194_305)).toBeNull();
    expect(identify('/nonexistent', 1)).toBeNull();
  });

  it('is alive by a look at all processes, or by asking where that was too early', () => {
    const self = identify('/proc', 'self') ?? { pid: 0, startTime: 0 };
    const other = { ...self, startTime: self.startTime + 1 };
    for (const table of [readProcesses('/proc'), new Map()])
      expect([self, other].map(aliveIn('/proc', table))).toEqual([true, false]);
    // What was there at that look counts, whatever became of it.
    expect(aliveIn('/nonexistent', readProcesses('/proc'))(self)).toBe(true);
  });
});

describe('parseMeminfo', () => {
  it('gives bytes, and counts without a unit as they are', () => {
    const text =
      'MemTotal:       24683544 kB\nSwapTotal:             0 kB\nHugePages_Total:       2\nDirectMap4k\n';
    expect([...parseMeminfo(text)]).toEqual([
      ['MemTotal', 25_275_949_056],
      ['SwapTotal', 0],
      ['HugePages_Total', 2],
    ]);
  });
});
