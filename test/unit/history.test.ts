import { readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { History, HISTORY_LENGTH } from '../../src/state/history.js';
import { exitRecord, useFolder } from './state.js';

const folder = useFolder();

describe('the history', () => {
  it('lists what ended, oldest first, whatever the order of the writes', () => {
    const history = new History(folder.path);
    expect(history.list()).toEqual([]);
    for (const number of [3, 1, 2]) history.add(exitRecord(number));
    expect(history.list()).toEqual([1, 2, 3].map((number) => exitRecord(number)));
  });

  it('holds two ends of the same moment', () => {
    const history = new History(folder.path);
    history.add(exitRecord(1, 'a'.repeat(32)));
    history.add(exitRecord(1, 'b'.repeat(32)));
    expect(history.list()).toHaveLength(2);
  });

  it('leaves out a record that is cut in half, and what is none', () => {
    const history = new History(folder.path);
    history.add(exitRecord(1));
    writeFileSync(`${history.folder}/000000000000001-x.json`, '{"id":"x","na');
    writeFileSync(`${history.folder}/note.txt`, 'x');
    expect(history.list().map(({ name }) => name)).toEqual(['run-1']);
    expect(history.read('gone.json')).toBeNull();
  });

  it('shows the last 1000 and throws the oldest away, naming them, once there are more than 1050', () => {
    const history = new History(folder.path);
    const pruned: string[] = [];
    for (let number = 1; number <= 1100; number += 1) pruned.push(...history.add(exitRecord(number)));
    const left = readdirSync(history.folder).length;
    expect(left).toBeGreaterThanOrEqual(HISTORY_LENGTH);
    expect(left).toBeLessThanOrEqual(HISTORY_LENGTH + 50 + 16);
    expect(pruned).toEqual(Array.from({ length: 1100 - left }, (_, index) => exitRecord(index + 1).id));
    const listed = history.list();
    expect(listed).toHaveLength(HISTORY_LENGTH);
    expect([listed[0]?.name, listed.at(-1)?.name]).toEqual(['run-101', 'run-1100']);
  });
});
