import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeFrame, FrameReader, launchFrame, type Frame } from '../../../src/host/frame.js';

const MOST = 1000;
const frames = fc.array(
  fc.record({
    kind: fc.constantFrom('L', 'g', 'E', 'H', 'Q'),
    body: fc.uint8Array({ maxLength: MOST - 1 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 6 },
);

function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...at, bytes.length].map((end, index) => bytes.subarray(at[index - 1] ?? 0, end));
}

function readAll(chunks: readonly Buffer[]): Frame[] {
  const reader = new FrameReader(MOST);
  return chunks.flatMap((chunk) => {
    reader.push(chunk);
    const read: Frame[] = [];
    for (let frame = reader.next(); frame !== null; frame = reader.next()) read.push(frame);
    return read;
  });
}

describe('Frames', () => {
  test('come out as they went in, whatever pieces they arrive in', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 20 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(({ kind, body }) => encodeFrame(kind, body)));
        const read = readAll(pieces(bytes, cuts));
        expect(read.map(({ kind, body }) => ({ kind, body: Buffer.from(body) }))).toEqual(sent);
      }),
    );
  });

  test('of any bytes at all are read or refused by a RangeError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
        try {
          for (const { body } of readAll(chunks.map((chunk) => Buffer.from(chunk))))
            expect(body.length).toBeLessThan(MOST);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  test.each([
    [0, Buffer.alloc(4)],
    [MOST + 1, encodeFrame('H', Buffer.alloc(MOST))],
    [0xffffffff, Buffer.alloc(4, 0xff)],
  ])('of %i bytes are refused by their length alone', (_size, bytes) => {
    const reader = new FrameReader(MOST);
    reader.push(bytes.subarray(0, 4));
    expect(() => reader.next()).toThrow(RangeError);
  });

  test('of a launch count the words that the front has itself', () => {
    const request = { plan: { cgroups: [] }, argv: ['a', 'b', 'c'], stdio: [], scratch: '', deadline: null };
    const text = (own: string[]): string => launchFrame(own, request).toString('latin1', 5);
    expect(text(['run', '--', 'b', 'c'])).toMatch(/^0 2\0.*end\0a\0$/s);
    expect(text(['a', 'b', 'c'])).toMatch(/^0 3\0.*end\0$/s);
    expect(text([])).toMatch(/^0 0\0.*end\0a\0b\0c\0$/s);
  });
});
