import { TYPE, records, type Frame } from './frames.js';
import type { Guest } from './linked-guests.js';

const CREDIT = 256 * 1024;
const PAYLOAD_MAX = 64 * 1024;

/** How a command ended: as waitpid(2) has it, or what kept it from starting. */
export interface Ended {
  status: number;
  oomKills: number;
  stdout: Buffer;
  stderr: Buffer;
  failed?: Record<string, string>;
}

const u32 = (number: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(number);
  return payload;
};

/** One command in a guest. What it prints is kept, and paid for at once unless `paying` is false. */
export class Session {
  readonly ended: Promise<Ended>;
  paying = true;
  pid = 0;
  /** How often its channels have ended, and what came after an end. */
  ends = [0, 0, 0];
  late = 0;
  private credit = CREDIT;
  private readonly chunks: Buffer[][] = [[], [], []];
  private finish: (ended: Ended) => void = () => undefined;
  private waiters: (() => void)[] = [];

  constructor(
    private readonly guest: Guest,
    readonly number: number,
  ) {
    this.ended = new Promise((resolve) => (this.finish = resolve));
  }

  get stdout(): string {
    return Buffer.concat(this.chunks[1] ?? []).toString();
  }

  private close(status: number, oomKills: number, failed?: Record<string, string>): void {
    const [, out = [], err = []] = this.chunks;
    const ended = { status, oomKills, stdout: Buffer.concat(out), stderr: Buffer.concat(err) };
    this.finish(failed === undefined ? ended : { ...ended, failed });
    this.wake();
  }

  private takeData({ channel, payload }: Frame): void {
    if (this.ends[channel] !== 0) this.late++;
    if (payload.length === 0) this.ends[channel] = (this.ends[channel] ?? 0) + 1;
    this.chunks[channel]?.push(payload);
    if (this.paying && payload.length > 0) this.pay(payload.length, channel);
    this.wake();
  }

  take(frame: Frame): void {
    const { type, payload } = frame;
    if (type === TYPE.started) this.pid = payload.readUInt32LE(0);
    if (type === TYPE.data) this.takeData(frame);
    if (type === TYPE.credit) {
      this.credit += payload.readUInt32LE(0);
      this.wake();
    }
    if (type === TYPE.exit) this.close(payload.readUInt32LE(0), payload.readUInt32LE(4));
    if (type === TYPE.failed) this.close(-1, 0, records(payload));
  }

  /** Gives credit to an output. */
  pay(bytes: number, channel = 1): void {
    this.guest.send(TYPE.credit, u32(bytes), this.number, channel);
  }

  /** Something came, or it is over. */
  news(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  /** Waits until the output so far matches. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stdout)) await this.news();
  }

  /** Within the credit, so that it takes as long as the command does to read. */
  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      while (this.credit === 0) await this.news();
      const chunk = bytes.subarray(at, at + Math.min(this.credit, PAYLOAD_MAX));
      this.guest.send(TYPE.data, chunk, this.number);
      this.credit -= chunk.length;
      at += chunk.length;
    }
  }

  end(): void {
    this.guest.send(TYPE.data, '', this.number);
  }

  signal(number: number): void {
    this.guest.send(TYPE.signal, u32(number), this.number);
  }

  resize(rows: number, columns: number): void {
    this.guest.send(TYPE.resize, u32(rows | (columns << 16)), this.number);
  }

  hangUp(): void {
    this.guest.send(TYPE.hangup, '', this.number);
  }
}
