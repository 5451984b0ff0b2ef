/** native/frame.h, the types that tests send or look at. */
export const TYPE = {
  ...{ hello: 1, start: 2, started: 3, failed: 4, data: 5, credit: 6, signal: 7, resize: 8 },
  ...{ hangup: 9, exit: 10, report: 11, publish: 12, poweroff: 13, log: 14 },
} as const;
const HEADER = 12;

export interface Frame {
  type: number;
  channel: number;
  session: number;
  payload: Buffer;
}

export function encode({ type, channel, session, payload }: Frame): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt8(type, 4);
  header.writeUInt8(channel, 5);
  header.writeUInt32LE(session, 8);
  return Buffer.concat([header, payload]);
}

/** The records of a text payload. */
export function records(payload: Buffer): Record<string, string> {
  const lines = payload.toString().split('\0').slice(0, -1);
  return Object.fromEntries(lines.map((line) => [line.replace(/=.*/s, ''), line.replace(/^[^=]*=/, '')]));
}

/** Cuts a stream of bytes into frames. */
export class Splitter {
  private chunks: Buffer[] = [];
  private size = 0;

  *take(bytes: Buffer): Generator<Frame> {
    this.chunks.push(bytes);
    this.size += bytes.length;
    for (let wanted = HEADER; this.size >= wanted; wanted = HEADER) {
      const [first = Buffer.alloc(0)] = this.chunks;
      const all = this.chunks.length === 1 ? first : Buffer.concat(this.chunks);
      wanted += all.readUInt32LE(0);
      this.chunks = [all];
      if (all.length < wanted) return;
      this.chunks = [all.subarray(wanted)];
      this.size -= wanted;
      const payload = all.subarray(HEADER, wanted);
      yield { type: all.readUInt8(4), channel: all.readUInt8(5), session: all.readUInt32LE(8), payload };
    }
  }
}
