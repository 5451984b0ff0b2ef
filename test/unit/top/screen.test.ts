import { describe, expect, it } from '@jest/globals';
import { diff } from '../../../src/cli/top/diff.js';
import { frame, type Picture } from '../../../src/cli/top/frame.js';
import { HELP } from '../../../src/cli/top/help.js';
import { columnsFor } from '../../../src/cli/top/layout.js';
import { bits, count, percent, size, span } from '../../../src/cli/top/numbers.js';
import { Screen } from '../../../src/cli/top/screen.js';
import { columnNamed } from '../../../src/cli/top/sort.js';
import { cells, sparkline } from '../../../src/cli/top/sparkline.js';
import { PLAIN } from '../../../src/cli/top/style.js';
import { cut, fit, harmless, widthOf } from '../../../src/cli/top/text.js';
import { firstView } from '../../../src/cli/top/view.js';
import { memberOf } from '../../support/members.js';

const view = firstView({ column: columnNamed(null), reversed: false }, '');
const base = {
  all: 1,
  damaged: 0,
  columns: columnsFor(80, 4),
  width: 80,
  height: 24,
  now: 2000,
  style: PLAIN,
};
const picture = (more: Partial<Picture>): string[] =>
  frame({ ...base, view, rows: [memberOf('busy')], ...more });

describe('numbers in few cells', () => {
  it('keep to them', () => {
    const cpus = [null, 0, 3.14159, 99.94, 99.96, 1600].map(percent);
    expect(cpus).toEqual(['-', '0.0', '3.1', '99.9', '100', '1600']);
    const sizes = [0, 1023, 1024, 1536, 1023.9 * 1024, 2 ** 29, 2 ** 40 * 1.26].map(size);
    expect(sizes).toEqual(['0B', '1023B', '1K', '1.5K', '1.0M', '512M', '1.3T']);
    expect([7, 9_800_000, 999_600, 1e10].map(bits)).toEqual(['7b', '9.8Mb', '1.0Mb', '10Gb']);
    expect([0, 9999, 12_345, null].map(count)).toEqual(['0', '9999', '12k', '-']);
    expect([12_000, 4.2e6, 59.9e6, 61e6, 7.3e9].map(span)).toEqual(['12ms', '4.2s', '59s', '1m', '2h']);
  });
});

describe('text on a terminal', () => {
  it('is cut at its cells, wide and combining characters counted', () => {
    expect([cut('abcdef', 4), cut('abcd', 4), cut('abc', 0)]).toEqual(['abc…', 'abcd', '']);
    expect([widthOf('漢字'), widthOf('e\u0301'), cut('漢字漢字', 5)]).toEqual([4, 1, '漢字…']);
    expect([fit('ab', 4), fit('ab', 4, true)]).toEqual(['ab  ', '  ab']);
    expect(harmless('a\u001b[31mb\u200bc')).toBe('a [31mb c');
  });
});

describe('a sparkline', () => {
  it('has a bar a value between nothing and the greatest, and a blank for none', () => {
    expect(sparkline([0, 50, 100, null], 100)).toBe('▁▅█ ');
    expect(sparkline([0, 0], 0)).toBe('▁▁');
  });

  it('shows in each cell the point that stands for its time', () => {
    const points = [1000, 2000, 3000].map((at) => ({ at, value: at / 1000 }));
    expect(cells(points, 3000, 4, 1000)).toEqual([null, 1, 2, 3]);
    expect(cells(points, 30_000, 2, 5000)).toEqual([null, null]);
  });
});

describe('the screen', () => {
  it('is sent the lines that differ and no others', () => {
    expect(diff(['a', 'b'], ['a', 'b'])).toBe('');
    const sent = diff(['a', 'b', 'c'], ['a', 'x']);
    expect(sent).toContain('\u001b[2;1H\u001b[m\u001b[2Kx');
    expect(sent).toContain('\u001b[3;1H\u001b[m\u001b[2K\u001b[m');
    expect(sent).not.toContain('\u001b[1;1H');
  });

  it('is drawn whole at first and after it was spoiled, and is given back once', () => {
    const written: string[] = [];
    const raw: boolean[] = [];
    const screen = new Screen({ write: (text) => written.push(text), raw: (on) => raw.push(on) });
    screen.show(['before']);
    screen.open();
    screen.show(['a']);
    screen.show(['a']);
    screen.spoiled();
    screen.show(['a']);
    screen.close();
    screen.close();
    expect(written).toHaveLength(4);
    expect(written[1]).toBe(written[2]);
    expect(written[3]).toMatch(/\[\?25h.*\[\?1049l/);
    expect(raw).toEqual([true, false]);
  });
});

describe('a frame', () => {
  it('has as many lines as the screen, none longer', () => {
    for (const mode of ['table', 'detail', 'help', 'filter'] as const)
      for (const [width, height] of [
        [80, 24],
        [30, 8],
        [200, 50],
      ] as const) {
        const selected = 'id-of-busy';
        const lines = picture({
          view: { ...view, mode, selected },
          width,
          height,
          columns: columnsFor(width, 4),
        });
        expect(lines).toHaveLength(height);
        expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
      }
    expect(Math.max(...HELP.map(widthOf), HELP.length)).toBeLessThanOrEqual(80);
  });

  it('says how to start a compartment where there is none', () => {
    expect(picture({ rows: [], all: 0 }).join('\n')).toContain('There are no compartments. Start one:');
    expect(picture({ rows: [], all: 5 }).join('\n')).toContain('No compartment passes the filter');
  });

  it('asks and answers in the last line', () => {
    const question = { deed: 'kill', id: 'x', name: 'busy' } as const;
    expect(
      picture({ view: { ...view, question } })
        .at(-1)
        ?.trim(),
    ).toBe('Kill every process of busy? y/n');
    expect(picture({ view: { ...view, message: 'busy: killed' } }).at(-1)).toBe('busy: killed');
  });

  it('shows one compartment with its last minute', () => {
    const text = picture({ view: { ...view, mode: 'detail', selected: 'id-of-busy' } }).join('\n');
    expect(text).toMatch(/^CPU% +50\.0\/100 .*▅$/m);
    expect(text).toMatch(/^THR% +50\.0\/100 /m);
    expect(text).toMatch(/^memory +limit 64M/m);
  });
});
