import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeQuestion, parseQuestion, type Question } from '../../../src/cli/warm/question.js';

describe('what a service is asked', () => {
  it.each<Question>([
    'status',
    'stop',
    { guests: 2, words: ['--mem=64M'], cwd: '/a b' },
    { stacks: 4, limits: { net: '10mbit' } },
    { stacks: 0, limits: {} },
  ])('is read as it was written: %j', (question) => {
    expect(parseQuestion(encodeQuestion(question))).toEqual(question);
  });

  it.each([
    '',
    'restart',
    'null',
    '[]',
    '{"guests":-1,"words":[],"cwd":"/"}',
    '{"guests":0.5,"words":[],"cwd":"/"}',
    '{"guests":1,"words":[1],"cwd":"/"}',
    '{"guests":1,"words":"--mem=1","cwd":"/"}',
    '{"guests":1,"words":[],"cwd":"relative"}',
    '{"stacks":-1,"limits":{}}',
    '{"stacks":1}',
    '{"stacks":1,"limits":null}',
    '{"stacks":1,"limits":["10mbit"]}',
    '{"stacks":1,"limits":{"net":10}}',
    '{"stacks":1,"limits":{},"guests":1}',
  ])('is none: %s', (text) => {
    expect(parseQuestion(text)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseQuestion(text)));
  });
});
