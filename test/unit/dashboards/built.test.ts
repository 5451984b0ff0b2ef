import { describe, expect, it } from '@jest/globals';
import { dashboardFiles } from '../../../dashboards/src/index.js';
import { board, boardFiles, committed, panelsOf } from '../../support/boards.js';

const boards = boardFiles().map((file) => ({ file, ...board(file) }));

describe('the committed dashboards', () => {
  it('are what npm run dashboards writes, all 5 of them and no other', () => {
    const built = dashboardFiles();
    expect(boardFiles().sort()).toEqual([...built.keys()].sort());
    for (const [file, text] of built) expect({ file, text: committed(file) }).toEqual({ file, text });
  });

  it('have the keys of every object in order, so that a change shows only itself', () => {
    const unordered = (value: unknown): unknown[] => {
      if (typeof value !== 'object' || value === null) return [];
      const keys = Array.isArray(value) ? [] : Object.keys(value);
      return [
        ...(keys.join() === [...keys].sort().join() ? [] : [keys]),
        ...Object.values(value).flatMap(unordered),
      ];
    };
    for (const file of boardFiles()) expect(unordered(JSON.parse(committed(file)))).toEqual([]);
  });

  it.each(boards)('$file has a fixed uid of its name, a title, a description and the tag compart', (each) => {
    expect(each.uid).toBe(`compart-${each.file.replace('.json', '')}`);
    expect(each.title).toMatch(/^compart \/ [A-Z]/);
    expect(each.description).toMatch(/^\S.*\.$/s);
    expect(each.tags).toEqual(['compart', 'prometheus']);
  });

  it.each(boards)('$file links the others, and takes variables and time along', ({ links }) => {
    expect(links).toEqual([
      expect.objectContaining({ type: 'dashboards', tags: ['compart'], includeVars: true, keepTime: true }),
    ]);
  });

  it.each(boards)('$file has every panel on the 24 columns, none upon another, ids 1 to n', ({ panels }) => {
    expect(panels.map(({ id }) => id)).toEqual(panels.map((_, index) => index + 1));
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      const { x, y, w, h } = gridPos;
      expect(x + w).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column += 1) {
        for (let row = y; row < y + h; row += 1) {
          expect([title, taken.get(`${column},${row}`)]).toEqual([title, undefined]);
          taken.set(`${column},${row}`, title);
        }
      }
    }
  });

  it.each(boards)('$file repeats no panel for each compartment', (each) => {
    for (const { title, repeat } of panelsOf(each)) expect([title, repeat]).toEqual([title, undefined]);
  });

  it('lead from a row of the overview to the compartment, with host, time and data source', () => {
    const table = panelsOf(board('overview.json')).find(({ type }) => type === 'table');
    const link = table?.fieldConfig?.overrides
      .find(({ matcher }) => matcher.options === 'compartment')
      ?.properties.find(({ id }) => id === 'links');
    const [{ url = '' } = {}] = (link?.value ?? []) as Array<{ url?: string }>;
    expect(url.split('?')[0]).toBe(`/d/${board('compartment.json').uid}`);
    for (const part of [
      '${datasource:queryparam}',
      '${job:queryparam}',
      'var-instance=${__data.fields.instance}',
      'var-compartment=${__value.raw}',
      '${__url_time_range}',
    ])
      expect(url).toContain(part);
  });

  it('mark OOM kills, restarts and limit changes wherever a compartment can be chosen', () => {
    for (const { file, templating, annotations } of boards) {
      const names = annotations.list.map(({ name }) => name);
      const chooses = templating.list.some(({ name }) => name === 'compartment');
      expect({ file, names }).toEqual({
        file,
        names: chooses ? ['OOM kills', 'Restarts', 'Limit changes'] : ['Exporter restarts'],
      });
    }
  });
});
