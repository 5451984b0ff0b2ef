import { describe, expect, it } from '@jest/globals';
import { columnsFor } from '../../../src/cli/top/layout.js';
import { keysIn, type Key } from '../../../src/cli/top/keys.js';
import { columnNamed } from '../../../src/cli/top/sort.js';
import { firstView, press, scrolled, type Pressed, type View } from '../../../src/cli/top/view.js';
import { memberOf } from '../../support/members.js';

const rows = Array.from({ length: 50 }, (_, index) => memberOf(`c${index}`));
const scene = { rows, page: 10, columns: columnsFor(80, 3) };
const first = firstView({ column: columnNamed(null), reversed: false }, '');

/** What pressing these keys, as a terminal sends them, leads to. */
const after = (input: string, view: View = first): Pressed =>
  keysIn(input).reduce<Pressed>((now, key) => press(now.view, key, scene), { view, wish: null });

describe('what a terminal sends', () => {
  it('is read as keys; what nobody waits for is dropped', () => {
    const keys: Key[] = [
      { name: 'up' },
      { name: 'pagedown' },
      { name: 'text', text: 'ü' },
      { name: 'enter' },
    ];
    expect(keysIn('\u001b[A\u001b[6~ü\r')).toEqual(keys);
    expect(keysIn('\u001bOB\u001b[1;5C\u001b[200~\u0003\u0000')).toEqual([
      { name: 'down' },
      { name: 'quit' },
    ]);
    expect(keysIn('\u001b')).toEqual([{ name: 'escape' }]);
  });
});

describe('keys in the table', () => {
  it('move from row to row and scroll', () => {
    expect(after('jjk').view).toMatchObject({ selected: 'id-of-c1', above: 0 });
    expect(after('\u001b[F').view).toMatchObject({ selected: 'id-of-c49', above: 40 });
    expect(after('\u001b[6~\u001b[6~').view).toMatchObject({ selected: 'id-of-c18', above: 9 });
    expect(after('\u001b[F\u001b[H\u001b[A').view).toMatchObject({ selected: 'id-of-c0', above: 0 });
    expect(scrolled({ ...first, above: 45 }, { rows: rows.slice(0, 5), page: 10 })).toBe(0);
  });

  it('choose the order', () => {
    expect(after('m').view.order).toMatchObject({ column: { key: 'mem' }, reversed: false });
    expect(after('nr').view.order).toMatchObject({ column: { key: 'name' }, reversed: true });
    expect(after('>').view.order.column.key).toBe('cpulimit');
  });

  it('type the filter, and Escape takes it away', () => {
    expect(after('/qx\u007fz\r').view).toMatchObject({ mode: 'table', filter: 'qz' });
    expect(after('/qz\r\u001b').view.filter).toBe('');
  });

  it('open one compartment, the help, and the way back', () => {
    expect(after('j\r').view).toMatchObject({ mode: 'detail', selected: 'id-of-c1' });
    expect(after('\rq').view.mode).toBe('table');
    expect(after('?').view.mode).toBe('help');
    expect(after('h ').view.mode).toBe('table');
  });

  it('end and suspend', () => {
    expect([after('q').wish, after('\u0003').wish, after('/q\u0003').wish]).toEqual(['quit', 'quit', 'quit']);
    expect(after('\u001a').wish).toBe('suspend');
  });

  it('ask before they freeze, thaw or kill, and only y says yes', () => {
    expect(after('jK')).toMatchObject({ view: { question: { deed: 'kill', name: 'c1' } }, wish: null });
    expect(after('Ky').wish).toEqual({ deed: 'kill', id: 'id-of-c0', name: 'c0' });
    expect(after('fn')).toMatchObject({ view: { question: null }, wish: null });
    expect(after('f\r').wish).toBeNull();
    const frozen = memberOf('f');
    frozen.state = 'frozen';
    const key: Key = { name: 'text', text: 'f' };
    expect(press(first, key, { ...scene, rows: [frozen] }).view.question?.deed).toBe('thaw');
  });
});
