import { CompartError, usageError } from '../shared/errors.js';
import { own } from '../shared/own.js';
import { CPU_ACCEPTED, parseCpu } from '../shared/units/cpu.js';
import { formatCpuList, parseCpuList } from '../shared/units/cpulist.js';
import { IO_RATE_ACCEPTED, parseRate } from '../shared/units/rate.js';
import { parseSize } from '../shared/units/size.js';
import type { CpuLimits, IoDeviceLimits, MemoryLimits, PidsLimits } from '../host/cgroup/driver.js';
import { deviceUnder, resolveDevice } from '../host/block.js';
import type { Host } from '../host/host.js';
import {
  parseAllow,
  parseDelay,
  parseLoss,
  parseNet,
  parsePublish,
  parseUnpublish,
  type NetAsked,
} from './net/limits.js';
import type { SubsystemKind } from './subsystem.js';

/** What was asked, by subsystem. A key that is absent was not asked for; null asks for no limit. */
export interface Limits {
  vm?: Partial<MemoryLimits>;
  sched?: Partial<CpuLimits>;
  io?: { devices: Array<Partial<IoDeviceLimits> & { device: string }> };
  net?: NetAsked;
  pids?: Partial<PidsLimits>;
}

/** What a limit's text is read against. */
export interface LimitContext {
  host: Host;
  /** The command's working directory: `--io-write 10MB/s` means the device under it. */
  workdir: string;
}

/** One limit: its flag, its key in compart.yaml and in the library, and how its text is read. */
export interface LimitField {
  subsystem: SubsystemKind;
  alias?: string;
  metavar: string;
  help: string;
  /** May be given more than once. */
  repeatable?: boolean;
  /** Makes sense only for a compartment that exists. */
  onlySet?: boolean;
  read(limits: Limits, text: string, context: LimitContext): void;
}

const COUNT_ACCEPTED = 'a whole number above 0, or max';
/** PIDS_MAX: the kernel's own ceiling is PID_MAX_LIMIT on 64 bits. */
const HIGHEST_COUNT = 4_194_304;

function parseCount(text: string, highest: number): number | null {
  const trimmed = text.trim();
  if (trimmed === 'max') return null;
  const count = Number(trimmed);
  if (!/^\d+$/.test(trimmed) || count < 1)
    throw usageError(`"${text}" is not a count`, `accepted: ${COUNT_ACCEPTED}`);
  if (count > highest) throw usageError(`"${text}" is more than ${highest}`, `accepted: ${COUNT_ACCEPTED}`);
  return count;
}

type IoLimit = Exclude<keyof IoDeviceLimits, 'device'>;

function ioField(limit: IoLimit, help: string): LimitField {
  const bytes = limit.endsWith('BytesPerSecond');
  return {
    subsystem: 'io',
    metavar: bytes ? '[DEVICE=]RATE' : '[DEVICE=]N',
    help,
    repeatable: true,
    read: (limits, text, { host, workdir }) => {
      const split = text.lastIndexOf('=');
      const rest = text.slice(split + 1);
      const bits = bytes ? parseRate(rest, IO_RATE_ACCEPTED) : null;
      const value = bytes
        ? bits === null
          ? null
          : Math.max(1, Math.round(bits / 8))
        : parseCount(rest, 2 ** 32 - 1);
      const device =
        split < 0
          ? deviceUnder(host.paths.sys, workdir, host.caller)
          : resolveDevice(host.paths.sys, text.slice(0, split), host.caller);
      const devices = (limits.io ??= { devices: [] }).devices;
      const entry = devices.find((known) => known.device === device);
      if (entry) entry[limit] = value;
      else devices.push({ device, [limit]: value });
    },
  };
}

function sizeField(limit: keyof MemoryLimits, help: string, alias?: string): LimitField {
  return {
    subsystem: 'vm',
    metavar: 'SIZE',
    help,
    ...(alias === undefined ? {} : { alias }),
    read: (limits, text, { host }) => {
      (limits.vm ??= {})[limit] = parseSize(text, () => host.memoryBytes);
    },
  };
}

/** Every limit once: flags, compart.yaml and the library are read by this table. */
export const LIMIT_FIELDS: Readonly<Record<string, LimitField>> = {
  mem: sizeField('limitBytes', 'hard limit on memory; reclaim, then OOM kill, inside', 'm'),
  'mem-high': sizeField('highBytes', 'throttle and reclaim from here on (cgroup v2)'),
  swap: sizeField('swapLimitBytes', 'swap on top of --mem; 0 if left out'),
  cpu: {
    subsystem: 'sched',
    alias: 'c',
    metavar: 'SHARE',
    help: `ceiling on CPU time: ${CPU_ACCEPTED}`,
    read: (limits, text) => {
      (limits.sched ??= {}).limitCpus = parseCpu(text);
    },
  },
  'cpu-weight': {
    subsystem: 'sched',
    metavar: 'N',
    help: 'share under contention, 1 to 10000, default 100; idle: only what others leave',
    read: (limits, text) => {
      if (text.trim() === 'idle') {
        (limits.sched ??= {}).weight = 'idle';
        return;
      }
      const weight = Number(text.trim());
      if (!/^\d+$/.test(text.trim()) || weight < 1 || weight > 10_000) {
        throw usageError(`"${text}" is not a weight`, 'accepted: 1 to 10000, 100 is the default; or idle');
      }
      (limits.sched ??= {}).weight = weight;
    },
  },
  cpus: {
    subsystem: 'sched',
    metavar: 'LIST',
    help: 'pins to these CPUs, as in 0-2,5',
    read: (limits, text) => {
      (limits.sched ??= {}).cpus = formatCpuList(parseCpuList(text));
    },
  },
  net: {
    subsystem: 'net',
    alias: 'n',
    metavar: 'RATE[/RATE]',
    help: 'own network stack: down[/up], as in 10mbit/2mbit; max, none, or host',
    read: (limits, text) => {
      const asked = parseNet(text);
      if (asked !== 'host') limits.net = { ...limits.net, ...asked };
    },
  },
  publish: {
    subsystem: 'net',
    alias: 'p',
    metavar: '[IP:]HOST:PORT[/udp]',
    help: 'a port of the host, on 127.0.0.1 if left out, leads inside',
    repeatable: true,
    read: (limits, text) => {
      ((limits.net ??= {}).publish ??= []).push(parsePublish(text));
    },
  },
  unpublish: {
    subsystem: 'net',
    metavar: '[IP:]HOST[/udp]',
    help: 'takes a published port back',
    repeatable: true,
    onlySet: true,
    read: (limits, text) => {
      ((limits.net ??= {}).unpublish ??= []).push(parseUnpublish(text));
    },
  },
  allow: {
    subsystem: 'net',
    metavar: 'HOST|CIDR[:PORT]',
    help: 'may be reached, and nothing else; names are looked up once',
    repeatable: true,
    read: (limits, text) => {
      const net = (limits.net ??= {});
      net.allow = [...(net.allow ?? []), parseAllow(text)];
    },
  },
  delay: {
    subsystem: 'net',
    metavar: 'DURATION',
    help: 'holds every packet back, in each direction (netem)',
    read: (limits, text) => {
      (limits.net ??= {}).delayUs = parseDelay(text);
    },
  },
  loss: {
    subsystem: 'net',
    metavar: 'N%',
    help: 'loses this share of packets, in each direction (netem)',
    read: (limits, text) => {
      (limits.net ??= {}).lossPercent = parseLoss(text);
    },
  },
  pids: {
    subsystem: 'pids',
    metavar: 'N',
    help: 'number of tasks, threads included',
    read: (limits, text) => {
      (limits.pids ??= {}).limit = parseCount(text, HIGHEST_COUNT);
    },
  },
  'io-read': ioField('readBytesPerSecond', `reading: ${IO_RATE_ACCEPTED}`),
  'io-write': ioField('writeBytesPerSecond', `writing: ${IO_RATE_ACCEPTED}`),
  'io-riops': ioField('readOpsPerSecond', 'read operations per second'),
  'io-wiops': ioField('writeOpsPerSecond', 'write operations per second'),
};

/** Texts of limits by field name, as flags, a file or the library give them. */
export type LimitTexts = Record<string, string | string[]>;

/** What is recorded of limits: the texts, as `inspect` shows them. Pure. */
export const recordedLimits = (texts: Readonly<LimitTexts>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, [text].flat().join(' ')]));

/**
 * Reads the texts of all limits.
 * @throws ERR_COMPART_USAGE naming the flag, the value and what is accepted
 */
export function parseLimits(texts: LimitTexts, context: LimitContext): Limits {
  const limits: Limits = {};
  for (const [name, given] of Object.entries(texts)) {
    const field = own(LIMIT_FIELDS, name);
    if (field === undefined)
      throw usageError(`no limit is called ${name}`, `known: ${Object.keys(LIMIT_FIELDS).join(', ')}`);
    for (const text of Array.isArray(given) ? given : [given]) {
      try {
        field.read(limits, text, context);
      } catch (error) {
        if (!(error instanceof CompartError)) throw error;
        throw new CompartError(error.code, `--${name}: ${error.message}`, {
          cause: error,
          ...(error.hint === null ? {} : { hint: error.hint }),
        });
      }
    }
  }
  if (texts['net'] === 'host' && limits.net !== undefined)
    throw usageError(
      '--net: host: the other network flags want a stack of its own',
      'give it one: --net max',
    );
  return limits;
}
