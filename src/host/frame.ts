import { encodePlan } from './plan.js';
import type { LaunchRequest } from './launched.js';

/** What goes before a frame: the length of what follows, in 4 bytes of the host's order (native/front.c). */
const SIZE_BYTES = 4;

/** One message: its kind, a single character, and its body. */
export interface Frame {
  kind: string;
  body: Buffer;
}

/** A frame as it is written. Pure. */
export function encodeFrame(kind: string, ...parts: ReadonlyArray<string | Uint8Array>): Buffer {
  const body = [kind, ...parts].map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const length = body.reduce((sum, { length: bytes }) => sum + bytes, 0);
  const size = new Uint8Array(Uint32Array.of(length).buffer);
  return Buffer.concat([size, ...body], SIZE_BYTES + length);
}

/** Has `own`, the words of the front itself, and what it is to start. Pure. */
export function launchFrame(own: readonly string[], { plan, argv, deadline }: LaunchRequest): Buffer {
  // Words of the command line are only counted: they have been decoded, and not every word is UTF-8.
  const counted = sameAtEnd(own, argv);
  const words = argv.slice(0, argv.length - counted).map((word) => `${word}\0`);
  return encodeFrame('L', `${deadline?.ms ?? 0} ${counted}\0`, encodePlan(plan), ...words);
}

/** How many words are the same at the end of both. */
function sameAtEnd(own: readonly string[], words: readonly string[]): number {
  let count = 0;
  while (count < words.length && count < own.length && own.at(-1 - count) === words.at(-1 - count))
    count += 1;
  return count;
}

/** Takes frames out of the bytes of a peer that may send anything, in any pieces. */
export class FrameReader {
  readonly #most: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** @param most bytes of a frame */
  constructor(most: number) {
    this.#most = most;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next frame; null until there is a whole one. @throws RangeError for one that is empty or too long */
  next(): Frame | null {
    if (this.#bytes < SIZE_BYTES) return null;
    const head = this.#whole(SIZE_BYTES);
    const size = new Uint32Array(Uint8Array.prototype.slice.call(head, 0, SIZE_BYTES).buffer)[0] ?? 0;
    if (size === 0 || size > this.#most) throw new RangeError(`a frame of ${size} bytes`);
    if (this.#bytes < SIZE_BYTES + size) return null;
    const all = this.#whole(this.#bytes);
    const rest = all.subarray(SIZE_BYTES + size);
    this.#chunks = [rest];
    this.#bytes = rest.length;
    return {
      kind: all.toString('latin1', SIZE_BYTES, SIZE_BYTES + 1),
      body: all.subarray(SIZE_BYTES + 1, SIZE_BYTES + size),
    };
  }

  /** What has come and is no frame yet; the reader is empty then. */
  rest(): Buffer {
    const rest = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    return rest;
  }

  /** At least so many bytes in one piece: joined only when a whole frame is there, else each chunk costs all before it. */
  #whole(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= bytes) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}
