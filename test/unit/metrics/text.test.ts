import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allowLabels, userLabels } from '../../../src/metrics/labels.js';
import { escapeLabel, headOf, labelText, numberText } from '../../../src/metrics/text.js';
import { parseExposition } from '../../support/exposition.js';

describe('the text of a sample', () => {
  it('escapes what a label value cannot hold', () => {
    expect(escapeLabel('a"b\\c\nd')).toBe('a\\"b\\\\c\\nd');
    expect(labelText({ a: '1', none: '', b: 'x"y' })).toBe('{a="1",b="x\\"y"}');
    expect(labelText({})).toBe('');
  });

  it('parses back to the same labels and the same number, whatever they are', () => {
    const value = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.string({ unit: fc.constantFrom(...'"\\\n{},=é '.split('')) }),
    );
    const name = fc.constantFrom('compartment', 'state', 'label_a', 'b');
    const number = fc.oneof(fc.nat(), fc.double({ noNaN: true, min: 0 }), fc.constant(Infinity));
    fc.assert(
      fc.property(fc.dictionary(name, value), number, (labels, amount) => {
        const text = `# TYPE x gauge\nx${labelText(labels)} ${numberText(amount)}\n`;
        const set = Object.fromEntries(Object.entries(labels).filter(([, each]) => each !== ''));
        expect(parseExposition(text).samples).toEqual([{ name: 'x', labels: set, value: amount }]);
      }),
    );
  });

  it('names a family as each format wants it', () => {
    const family = { name: 'compart_cpu_seconds_total', type: 'counter', help: 'A "b" \\ c.' } as const;
    expect(headOf(family, 'text')).toBe(
      '# TYPE compart_cpu_seconds_total counter\n# HELP compart_cpu_seconds_total A "b" \\\\ c.\n',
    );
    expect(headOf(family, 'openmetrics')).toBe(
      '# TYPE compart_cpu_seconds counter\n# UNIT compart_cpu_seconds seconds\n# HELP compart_cpu_seconds A \\"b\\" \\\\ c.\n',
    );
    const info = { name: 'compart_info', type: 'info', help: 'Facts.' } as const;
    expect(headOf(info, 'text')).toContain('# TYPE compart_info gauge\n');
    expect(headOf(info, 'openmetrics')).toContain('# TYPE compart info\n');
  });
});

describe('labels of users', () => {
  it('are let out by name, in a form that a label name can have', () => {
    const allowed = allowLabels(['team', 'cost.center', 'team']);
    expect(userLabels({ team: 'web', 'cost.center': '7', other: 'x' }, allowed)).toEqual({
      label_team: 'web',
      label_cost_center: '7',
    });
    expect(userLabels({ other: 'x' }, allowed)).toEqual({});
    expect(userLabels(JSON.parse('{"__proto__":"x"}') as Record<string, string>, allowLabels(['a']))).toEqual(
      {},
    );
  });

  it.each([
    [Array.from({ length: 11 }, (_, index) => `k${index}`), '11 labels'],
    [[''], 'a name is empty'],
    [['a.b', 'a-b'], 'label_a_b'],
  ])('refuses %j', (keys, why) => {
    expect(() => allowLabels(keys)).toThrow(why);
  });
});
