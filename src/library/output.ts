import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { usageError } from '../shared/errors.js';

/** How much of a line is held before it is whole. */
const LONGEST_LINE = 2 ** 24;

/** What a command writes to one of its streams, collected up to a number of bytes. */
export class Collected {
  readonly #chunks: Buffer[] = [];
  readonly #most: number;
  readonly #onFull: () => void;
  #bytes = 0;
  /** More was written than is kept. */
  truncated = false;

  /** @param onFull called once, when there is more than `most` bytes */
  constructor(most: number, onFull: () => void) {
    this.#most = most;
    this.#onFull = onFull;
  }

  /** Reads to the end of the stream; what does not fit is read on and thrown away. */
  async from(stream: Readable): Promise<void> {
    stream.on('data', (chunk: Buffer) => this.#add(chunk));
    await closed(stream);
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  #add(chunk: Buffer): void {
    const room = this.#most - this.#bytes;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    if (kept.length > 0) this.#chunks.push(kept);
    this.#bytes += kept.length;
    if (kept.length === chunk.length || this.truncated) return;
    this.truncated = true;
    this.#onFull();
  }
}

/** Waits until nothing more comes of a stream, however it ends. */
function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    stream.on('error', () => undefined);
    stream.once('close', () => resolve());
  });
}

/**
 * The lines of a stream, without their ends (`\n` or `\r\n`), as UTF-8. Reads no faster than they are taken, so that a
 * command whose lines nobody takes waits with a full pipe. Leaving the loop closes the stream, as head(1) does.
 * @throws ERR_COMPART_USAGE for a line of more than 16 MiB
 */
export async function* linesOf(stream: Readable): AsyncGenerator<string, void> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const parts = (rest + decoder.write(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    if (rest.length > LONGEST_LINE)
      throw usageError('a line of more than 16 MiB', 'read the stream itself: `stdout` and `stderr`');
  }
  rest += decoder.end();
  if (rest !== '') yield rest;
}
