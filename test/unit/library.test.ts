import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { limitTexts } from '../../src/library/limits.js';
import { readCommand } from '../../src/library/options.js';
import { Collected, linesOf } from '../../src/library/output.js';
import { present } from '../../src/library/result.js';
import { CompartError } from '../../src/shared/errors.js';

const asText = { encoding: 'utf8', lines: false, stripFinalNewline: false } as const;

/** The text, cut into pieces at these places, as bytes. */
function pieces(text: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

describe('limits of the library', () => {
  it('are the texts of the flags, and numbers in the base unit of each', () => {
    const options = {
      mem: 2 ** 26,
      memHigh: '48M',
      cpu: 0.2,
      net: 1e7,
      pids: null,
      ioRead: 1000,
      delay: 20,
      loss: 1.5,
      publish: ['8080:80'],
      cwd: '/',
      swap: undefined,
    };
    expect(limitTexts(options)).toEqual({
      mem: '67108864',
      'mem-high': '48M',
      cpu: '0.2',
      net: '10000000bit',
      pids: 'max',
      'io-read': '1000B/s',
      delay: '20ms',
      loss: '1.5%',
      publish: ['8080:80'],
    });
  });

  it('are refused where they are neither text nor number', () => {
    for (const mem of [{}, true, [1], Symbol('m')]) expect(() => limitTexts({ mem })).toThrow(CompartError);
  });
});

describe('options of a command', () => {
  it('read no stdin, collect 100 MB and reject where nothing is said', () => {
    expect(readCommand(['true'], {})).toMatchObject({
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 100_000_000,
      reject: true,
      timeoutMs: null,
      cwd: null,
      clearEnv: false,
    });
  });

  it('take a text or milliseconds for the timeout, and refuse what is no time', () => {
    expect(readCommand([], { timeout: '1m30s' }).timeoutMs).toBe(90_000);
    expect(readCommand([], { timeout: 1.6 }).timeoutMs).toBe(2);
    for (const timeout of [0, -1, Number.NaN, Infinity, 2 ** 31, '', '5 apples'])
      expect(() => readCommand([], { timeout })).toThrow(CompartError);
  });

  it('refuse an input beside a stdin that is no pipe', () => {
    expect(() => readCommand([], { input: 'x', stdin: 'ignore' })).toThrow('stdin');
  });
});

describe('output', () => {
  it('gives the same lines however it is cut into pieces, whatever is in it', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r\n', 'ü', '€', '🙂', ' ') });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat()), async (written, cuts) => {
        const expected = written.split(/\r?\n/);
        if (expected.at(-1) === '') expected.pop();
        expect(await all(linesOf(Readable.from(pieces(written, cuts))))).toEqual(expected);
        expect(present(Buffer.from(written), { ...asText, lines: true })).toEqual(expected);
      }),
    );
  });

  it('is collected up to the bytes that are asked for, and says once that there is more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.array(fc.nat()), fc.nat(40), async (written, cuts, most) => {
        let full = 0;
        const collected = new Collected(most, () => (full += 1));
        await collected.from(Readable.from(pieces(written, cuts)));
        const bytes = Buffer.from(written);
        expect(collected.bytes().equals(bytes.subarray(0, most))).toBe(true);
        expect([collected.truncated, full]).toEqual([bytes.length > most, bytes.length > most ? 1 : 0]);
      }),
    );
  });

  it('loses one newline at its end, unless that is to stay', () => {
    const of = (text: string, stripFinalNewline: boolean): unknown =>
      present(Buffer.from(text), { ...asText, stripFinalNewline });
    expect([of('a\n\n', true), of('a\r\n', true), of('a\n', false), of('', true)]).toEqual([
      'a\n',
      'a',
      'a\n',
      '',
    ]);
  });
});
