import { appendFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { noteEscapes, readEscapes, type Escape } from '../../src/state/escapes.js';
import { useFolder } from './state.js';

const folder = useFolder();

const escape = (pid: number, startTime = 1): Escape => ({
  pid,
  startTime,
  command: 'sleep',
  left: ['memory'],
});

it('has what two have met once, as the first has met it', () => {
  noteEscapes(folder.path, [escape(7), escape(8)]);
  noteEscapes(folder.path, [{ ...escape(7), left: ['memory', 'cpu'] }, escape(7, 2)]);
  expect(readEscapes(folder.path)).toEqual([escape(7), escape(8), escape(7, 2)]);
});

it('has none before one is noted, and leaves out what a crash has cut short', () => {
  expect(readEscapes(folder.path)).toEqual([]);
  noteEscapes(folder.path, [escape(7)]);
  appendFileSync(`${folder.path}/escaped`, '{"pid":8,"star');
  expect(readEscapes(folder.path)).toEqual([escape(7)]);
});

it('stops writing down at 1,000', () => {
  noteEscapes(
    folder.path,
    Array.from({ length: 1100 }, (_, pid) => escape(pid)),
  );
  expect(readEscapes(folder.path)).toHaveLength(1000);
});
