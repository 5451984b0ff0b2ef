import { own } from '../shared/own.js';
import { usageError } from '../shared/errors.js';
import type { LimitTexts } from '../compartments/limits.js';

/** A limit in the text of its flag, or as a number in the unit of the limit; null lifts it (`max`). */
type Limit = string | number | null;

/** Limits, under the names of the flags in camel case. Texts are those of the flags (docs/cli.md). */
export interface LimitOptions {
  /** Hard limit on memory: `'64M'`, or bytes. Reclaim, then an OOM kill, inside. */
  mem?: Limit;
  /** Throttles and reclaims from here on: `'48M'`, or bytes. Only with cgroup v2. */
  memHigh?: Limit;
  /** Swap on top of `mem`: `'64M'`, or bytes; 0 if left out. */
  swap?: Limit;
  /** Ceiling on CPU time: `'20%'`, or CPUs, 0.2 being a fifth of one. */
  cpu?: Limit;
  /** Share under contention, 1 to 10000; 100 is the default; `'idle'`: only what others leave, for its whole life. */
  cpuWeight?: string | number;
  /** Pins to these CPUs: `'0-2,5'`, or one CPU. */
  cpus?: string | number;
  /** A network stack of its own: `'none'`, `'10mbit/2mbit'` (down/up), bits per second, or null for one without a limit. */
  net?: Limit;
  /** Ports of the host that lead inside: `'8080:80'`, `'0.0.0.0:53:53/udp'`. */
  publish?: string | readonly string[];
  /** What may be reached, and nothing else: `'example.com:443'`, `'10.0.0.0/8'`. */
  allow?: string | readonly string[];
  /** Holds every packet back: `'20ms'`, or milliseconds. */
  delay?: string | number;
  /** Loses this share of packets: `'1%'`, or percent. */
  loss?: string | number;
  /** Number of tasks, threads included. */
  pids?: Limit;
  /** Reading from disk: `'10MB/s'`, `'/dev/sda=10MB/s'`, or bytes per second of the disk under `cwd`. */
  ioRead?: Limit | readonly string[];
  /** Writing to disk, as `ioRead`. */
  ioWrite?: Limit | readonly string[];
  /** Read operations per second, `'/dev/sda=100'` or a number. */
  ioRiops?: Limit | readonly string[];
  /** Write operations per second, as `ioRiops`. */
  ioWiops?: Limit | readonly string[];
}

/** Limits of what runs already. */
export interface ChangeOptions extends LimitOptions {
  /** Takes published ports back: `'8080'`, `'0.0.0.0:53/udp'`. */
  unpublish?: string | readonly string[];
}

const plain = (value: number): string => String(value);

/** The flag behind each option, and how a number is written for it. */
const FLAGS: Readonly<Record<keyof ChangeOptions, readonly [flag: string, text: (value: number) => string]>> =
  {
    mem: ['mem', plain],
    memHigh: ['mem-high', plain],
    swap: ['swap', plain],
    cpu: ['cpu', plain],
    cpuWeight: ['cpu-weight', plain],
    cpus: ['cpus', plain],
    net: ['net', (bps) => `${bps}bit`],
    publish: ['publish', plain],
    allow: ['allow', plain],
    delay: ['delay', (ms) => `${ms}ms`],
    loss: ['loss', (percent) => `${percent}%`],
    pids: ['pids', plain],
    ioRead: ['io-read', (bytes) => `${bytes}B/s`],
    ioWrite: ['io-write', (bytes) => `${bytes}B/s`],
    ioRiops: ['io-riops', plain],
    ioWiops: ['io-wiops', plain],
    unpublish: ['unpublish', plain],
  };

/**
 * The limits among `options` as texts of flags; what is none is passed over. Pure.
 * @throws ERR_COMPART_USAGE for a value that is neither text nor number
 */
export function limitTexts(options: object): LimitTexts {
  const texts: LimitTexts = {};
  for (const [name, value] of Object.entries(options) as Array<[string, unknown]>) {
    const known = own(FLAGS, name);
    if (known === undefined || value === undefined) continue;
    const [flag, write] = known;
    if (typeof value === 'number') texts[flag] = write(value);
    else if (value === null) texts[flag] = 'max';
    else if (typeof value === 'string') texts[flag] = value;
    else if (Array.isArray(value) && value.every((each) => typeof each === 'string')) texts[flag] = value;
    else throw usageError(`${name}: ${typeof value} is no limit`, 'a text as of the flag, a number, or null');
  }
  return texts;
}

/** Is this the name of a limit? */
export const isLimit = (name: string): boolean => own(FLAGS, name) !== undefined;
