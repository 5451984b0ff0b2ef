import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EventParser } from '../../../src/metrics/page/event-parser.js';

describe('the parser of server-sent events', () => {
  it('reads the name and the data of each event, "message" where none is named', () => {
    expect(new EventParser().push('event: a\ndata: {"x":1}\n\ndata: two\ndata: lines\n\n')).toEqual([
      { event: 'a', data: '{"x":1}' },
      { event: 'message', data: 'two\nlines' },
    ]);
  });

  it('gives an event when it is whole, not before', () => {
    const parser = new EventParser();
    expect(parser.push('event: a\ndata: hal')).toEqual([]);
    expect(parser.push('f\n')).toEqual([]);
    expect(parser.push('\n')).toEqual([{ event: 'a', data: 'half' }]);
  });

  it('finds the same events wherever the stream is cut', () => {
    const events = fc.array(fc.record({ event: fc.stringMatching(/^[a-z]{1,5}$/), data: fc.json() }));
    fc.assert(
      fc.property(events, fc.integer({ min: 1, max: 40 }), (sent, size) => {
        const text = sent.map(({ event, data }) => `event: ${event}\ndata: ${data}\n\n`).join('');
        const parser = new EventParser();
        const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
        expect(pieces.flatMap((piece) => parser.push(piece))).toEqual(sent);
      }),
    );
  });
});
