import { describe, expect, it } from '@jest/globals';
import { COLUMNS, SORTABLE } from '../../../src/cli/top/columns.js';
import { passes } from '../../../src/cli/top/filter.js';
import { topJson } from '../../../src/cli/top/json.js';
import { columnsFor, uncut } from '../../../src/cli/top/layout.js';
import { tableText } from '../../../src/cli/top/once.js';
import { headerLine, rowLine } from '../../../src/cli/top/rows.js';
import { columnNamed, neighbour, sorted } from '../../../src/cli/top/sort.js';
import { PLAIN, styleFor } from '../../../src/cli/top/style.js';
import { widthOf } from '../../../src/cli/top/text.js';
import { memberOf, recordOf } from '../../support/members.js';

const TITLES = 'NAME           KIND  ST   CPU%  LIM THR%   MEM   LIM MEM%  RX/s  TX/s  PSI  PIDS';

describe('the columns of the table', () => {
  it('fill a terminal of 80 exactly', () => {
    expect(headerLine(columnsFor(80, 63), null, PLAIN)).toBe(TITLES);
    expect(TITLES).toHaveLength(80);
  });

  it('never take more than any terminal has, nor does a row', () => {
    const member = memberOf('n'.repeat(63), 64, 2 ** 26, {}, ['x'.repeat(500)]);
    for (let width = 14; width < 300; width += 1) {
      const columns = columnsFor(width, 63);
      expect(widthOf(headerLine(columns, null, PLAIN))).toBeLessThanOrEqual(width);
      expect(widthOf(rowLine(member, columns, PLAIN))).toBeLessThanOrEqual(width);
    }
  });

  it('are more on a wider one, up to the end of the line', () => {
    expect(columnsFor(120, 5).map(({ key }) => key)).toEqual([
      ...COLUMNS.map(({ key }) => key),
      'read',
      'write',
      'uptime',
      'command',
    ]);
    expect(columnsFor(200, 5).map(({ key }) => key)).toEqual(SORTABLE.map(({ key }) => key));
    expect(headerLine(columnsFor(200, 40), null, PLAIN)).toHaveLength(200);
  });

  it('show the whole of every name to who reads them from a pipe', () => {
    const member = memberOf('n'.repeat(63));
    expect(tableText([member], uncut(columnsFor(80, 63), 63))).toContain(`${'n'.repeat(63)} comp  run `);
  });
});

describe('a row', () => {
  it('says what is used, of what, and marks what is near its limit', () => {
    const cells = 'busy           comp  run  95.0  100 50.0   64M   64M  100   8kb     - 25.0     3';
    expect(rowLine(memberOf('busy', 0.95, 2 ** 26), columnsFor(80, 4), PLAIN)).toBe(cells);
    const marked = rowLine(memberOf('busy', 0.95, 2 ** 26), columnsFor(80, 4), styleFor(true));
    expect(marked.match(/\u001b\[31m *[0-9.]+\u001b\[39m/g)).toHaveLength(2);
    expect(rowLine(memberOf('busy', 0.95), columnsFor(80, 4), styleFor(false))).not.toContain('[31m');
    expect(rowLine(memberOf('calm', 0.5), columnsFor(80, 4), styleFor(true))).not.toContain('\u001b');
  });

  it('hands nothing of a command to the terminal that it would obey', () => {
    const member = memberOf('a', 1, 1, {}, ['sh', '-c', '\u001b]0;x\u0007\r\n\u009b2J\u202eend']);
    expect(rowLine(member, columnsFor(120, 1), PLAIN)).toMatch(/^[ -~]*sh -c [ -~]*end *$/);
  });
});

describe('the order of rows', () => {
  const members = [memberOf('b', 0.1), memberOf('c', 0.9), memberOf('a', 0.1)];
  const names = (text: string | null, reversed = false): string =>
    sorted(members, { column: columnNamed(text), reversed })
      .map(({ record }) => record.name)
      .join('');

  it('is by CPU, the greatest first, unless another is asked for', () => {
    expect([names(null), names('cpu', true), names('name'), names('NAME', true)]).toEqual([
      'cab',
      'abc',
      'abc',
      'cba',
    ]);
    expect([columnNamed('psi').title, columnNamed('RX/s').key]).toEqual(['PSI', 'rx']);
  });

  it('refuses a column that there is none of, naming all', () => {
    expect(() => columnNamed('size')).toThrow('--sort: "size" is no column');
    expect(new Set(SORTABLE.map(({ key }) => key)).size).toBe(SORTABLE.length);
  });

  it('goes from a column to the next, and round', () => {
    expect(neighbour(columnNamed('pids'), COLUMNS, 1).key).toBe('name');
    expect(neighbour(columnNamed('name'), COLUMNS, -1).key).toBe('pids');
  });
});

describe('the filter', () => {
  it('wants every word in the name or in a label', () => {
    const record = recordOf('build-7', { team: 'Web' });
    const passing = ['', 'build', 'BUILD', 'team=web', 'team', '7 web'];
    expect([...passing, 'team=web x', 'sleep'].filter((filter) => passes(record, filter))).toEqual(passing);
  });
});

describe('one compartment as JSON', () => {
  it('has its counters as stats has them, and its rates', () => {
    const { rates, sched, ...rest } = topJson(memberOf('a', 0.5)) as Record<string, object>;
    expect(rates).toMatchObject({ cpuPercent: 50, pressurePercent: 25, memoryPercent: 1.5625 });
    expect(sched).toMatchObject({ usageUs: 1_000_000, limitCpus: 1 });
    expect(rest).toMatchObject({ name: 'a', kind: 'compartment', state: 'running', startedAt: null });
  });
});
