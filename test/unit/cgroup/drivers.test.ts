import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Driver, ReadGroup } from '../../../src/host/cgroup/driver.js';
import { keyed, nsToUs, numberIn, orMax, pressureUs } from '../../../src/host/cgroup/parse.js';
import { cpu as cpu1 } from '../../../src/host/cgroup/v1/cpu.js';
import { io as io1 } from '../../../src/host/cgroup/v1/io.js';
import { memory as memory1 } from '../../../src/host/cgroup/v1/memory.js';
import { pids as pids1 } from '../../../src/host/cgroup/v1/pids.js';
import { cpu as cpu2 } from '../../../src/host/cgroup/v2/cpu.js';
import { io as io2 } from '../../../src/host/cgroup/v2/io.js';
import { memory as memory2 } from '../../../src/host/cgroup/v2/memory.js';
import { pids as pids2 } from '../../../src/host/cgroup/v2/pids.js';
import { emptyGroup, groupOf } from './fixtures.js';

interface Reading {
  what: string;
  version: 'v1' | 'v2';
  stats: (read: ReadGroup) => object;
  inForce: (read: ReadGroup) => object;
  glance: (read: ReadGroup) => object;
}

function reading<L extends object, S extends object>(
  what: string,
  version: 'v1' | 'v2',
  driver: Driver<L, S>,
): Reading {
  return {
    what: `${what} on ${version}`,
    version,
    stats: (read) => driver.stats(read),
    inForce: (read) => driver.inForce(read),
    glance: (read) => driver.glance(read),
  };
}

const DRIVERS: Reading[] = [
  reading('memory', 'v1', memory1),
  reading('cpu', 'v1', cpu1),
  reading('io', 'v1', io1),
  reading('pids', 'v1', pids1),
  reading('memory', 'v2', memory2),
  reading('cpu', 'v2', cpu2),
  reading('io', 'v2', io2),
  reading('pids', 'v2', pids2),
];

/** Every number below `value`. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

describe('every driver', () => {
  it.each(DRIVERS)('$what reports null for what the kernel does not', ({ what, stats }) => {
    const { swapLimitBytes, ...rest } = stats(emptyGroup) as Record<string, unknown>;
    expect(Object.values(rest).every((value) => value === null)).toBe(true);
    // v2 without the file is a kernel without swap: the limit is 0.
    expect(swapLimitBytes ?? null).toBe(what === 'memory on v2' ? 0 : null);
  });

  it.each(DRIVERS)('$what loses no other reading with any one file', ({ version, stats }) => {
    const whole = groupOf(version);
    const read: string[] = [];
    stats((controller, file) => {
      read.push(file);
      return whole(controller, file);
    });
    for (const file of read) {
      const partial = stats(groupOf(version, { [file]: null })) as Record<string, unknown>;
      expect(Object.keys(partial)).toEqual(Object.keys(stats(whole)));
      for (const number of numbersIn(partial)) expect(number).toBeGreaterThanOrEqual(0);
    }
  });

  it.each(DRIVERS)(
    '$what shows at a glance what its readings say, whatever file is missing, and reads each file once for it',
    ({ version, stats, glance }) => {
      const files: string[] = [];
      const noting =
        (read: ReadGroup): ReadGroup =>
        (controller, file) => {
          files.push(file);
          return read(controller, file);
        };
      expect(stats(groupOf(version))).toMatchObject(glance(noting(groupOf(version))));
      expect(new Set(files).size).toBe(files.length);
      for (const file of files) {
        const partial = groupOf(version, { [file]: null });
        expect(stats(partial)).toMatchObject(glance(partial));
      }
    },
  );

  it.each(DRIVERS)(
    '$what never reports NaN, a negative or an infinite number, whatever the files hold',
    ({ stats, inForce }) => {
      const line = fc.oneof(
        fc.string({ maxLength: 20 }),
        fc.stringMatching(/^(max|some|total_rss|anon|8:0|Total) ([a-z]+=)?-?[0-9]{1,3}( max)?$/),
        fc.constantFrom(
          '-1',
          'max',
          '',
          '0',
          '9223372036854771712',
          '18446744073709551615',
          'max 100000',
          '-5 100000',
          '50000 0',
          '50000',
          '8:0 rbytes=x',
          'anon nan',
        ),
      );
      const text = fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n'));
      fc.assert(
        fc.property(fc.func(fc.option(text)), (file) => {
          const read: ReadGroup = (controller, name) => file(controller, name);
          for (const number of [...numbersIn(stats(read)), ...numbersIn(inForce(read))]) {
            expect(Number.isFinite(number) && number >= 0).toBe(true);
          }
        }),
        { numRuns: 500 },
      );
    },
  );
});

describe('numberIn', () => {
  it.each<[string | null, number | null]>([
    [null, null],
    ['', null],
    ['max', null],
    ['-1', null],
    ['x', null],
    ['9223372036854771712', null],
    ['9223372036854775807', null],
    ['0', 0],
    ['67108864\n', 67_108_864],
  ])('reads %j as %j', (text, number) => {
    expect(numberIn(text)).toBe(number);
  });
});

describe('the other formats', () => {
  it('keeps of a keyed file what is a number', () => {
    expect([...keyed('a 1\nb\t2\nc x\n\nd \ntotal=95 N0=95\ne 3 4')]).toEqual([
      ['a', 1],
      ['b', 2],
      ['e', 3],
    ]);
    expect(keyed(null).size).toBe(0);
  });

  it('finds the total of a line of a pressure file', () => {
    const text =
      'some avg10=0.28 avg60=3.16 avg300=3.16 total=45\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7';
    expect([
      pressureUs(text, 'some'),
      pressureUs(text, 'full'),
      pressureUs(null, 'some'),
      pressureUs('some total', 'some'),
    ]).toEqual([45, 7, null, null]);
  });

  it('rounds nanoseconds and spells no limit', () => {
    expect([nsToUs(1499), nsToUs(1500), nsToUs(0), nsToUs(null)]).toEqual([1, 2, 0, null]);
    expect([orMax(null), orMax(0)]).toEqual(['max', '0']);
  });
});
