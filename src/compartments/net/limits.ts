import { usageError } from '../../shared/errors.js';
import { parseDuration } from '../../shared/units/duration.js';
import { BANDWIDTH_ACCEPTED, parseRate } from '../../shared/units/rate.js';

/**
 * 4, 6 or 0, as the zone of an address (`%eth0`) means a link that only the host has. Not an import: every start
 * would pay for the whole of node:net.
 */
const isIP = (text: string): number =>
  text.includes('%') ? 0 : process.getBuiltinModule('node:net').isIP(text);

/** A port of the host that leads to one of the stack. */
export interface Published {
  protocol: 'tcp' | 'udp';
  ip: string;
  hostPort: number;
  port: number;
}

/** A place that --allow names. */
export interface Allowed {
  /** A name, an address or a network. */
  host: string;
  port: number | null;
  /** What the name stands for, once it has been looked up; of an address or a network, itself. */
  addresses: string[];
}

/** What a stack is held to; null for no limit. */
export interface NetLimits {
  /** `none` has its loopback and nothing else. */
  stack: 'own' | 'none';
  rxLimitBps: number | null;
  txLimitBps: number | null;
  published: Published[];
  /** Null: everywhere. */
  allow: Allowed[] | null;
  delayUs: number | null;
  lossPercent: number | null;
}

export const UNLIMITED: NetLimits = {
  stack: 'own',
  rxLimitBps: null,
  txLimitBps: null,
  published: [],
  allow: null,
  delayUs: null,
  lossPercent: null,
};

/** What flags ask for: ports are added and taken away one by one. */
export interface NetAsked extends Partial<NetLimits> {
  publish?: Published[];
  unpublish?: Array<Omit<Published, 'port'>>;
}

export const NET_ACCEPTED = `${BANDWIDTH_ACCEPTED}, two of them as in 10mbit/2mbit, none, or host`;
/** Below it a full packet takes the shaper over a second; above it, nft has no number for the ceiling (nft(8), limit). */
const LEAST_BPS = 8000;
const MOST_BPS = 1e11;

function rateOf(text: string): number | null {
  const rate = parseRate(text, NET_ACCEPTED);
  if (rate !== null && (rate < LEAST_BPS || rate > MOST_BPS))
    throw usageError(`"${text}" is out of range for a network`, 'accepted: 8kbit to 100gbit, or max');
  // The kernel counts whole bytes a second.
  return rate === null ? null : rate - (rate % 8);
}

/** Splits at the slash between two rates, not at that of `MB/s`. */
function halves(text: string): [string, string] {
  const parts = text.split(/\/(?!s(?:$|\/))/i);
  if (parts.length > 2) throw usageError(`"${text}" is not a rate or two`, `accepted: ${NET_ACCEPTED}`);
  const [down = '', up = down] = parts;
  return [down, up];
}

/**
 * `--net RATE[/RATE]`, download and upload as seen from inside; one rate is for both.
 * @returns `host` for the host's own stack
 */
export function parseNet(text: string): Pick<NetLimits, 'stack' | 'rxLimitBps' | 'txLimitBps'> | 'host' {
  const word = text.trim().toLowerCase();
  if (word === 'host') return 'host';
  if (word === 'none') return { stack: 'none', rxLimitBps: null, txLimitBps: null };
  const [down, up] = halves(text.trim());
  return { stack: 'own', rxLimitBps: rateOf(down), txLimitBps: rateOf(up) };
}

const PUBLISH_ACCEPTED = '8080:80, 127.0.0.1:8080:80, [::1]:8080:80, 5353:53/udp';
export const DEFAULT_PUBLISH_IP = '127.0.0.1';

function portOf(text: string, whole: string, accepted: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw usageError(
    `"${whole}": "${text}" is not a port`,
    `accepted: ports from 1 to 65535, as in ${accepted}`,
  );
}

/** `[IP:]HOST:PORT[/udp]`. */
export function parsePublish(text: string): Published {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?([^:]*):([^:/]*)(?:\/(.*))?$/.exec(text.trim());
  if (!match)
    throw usageError(`"${text}" is not of the form [IP:]HOST:PORT`, `accepted: ${PUBLISH_ACCEPTED}`);
  const [, six, four, host = '', inside = '', protocol = 'tcp'] = match;
  const ip = six ?? four ?? DEFAULT_PUBLISH_IP;
  if (isIP(ip) !== (six === undefined ? 4 : 6))
    throw usageError(`"${text}": "${ip}" is not an address`, `accepted: ${PUBLISH_ACCEPTED}`);
  if (protocol !== 'tcp' && protocol !== 'udp')
    throw usageError(`"${text}": "${protocol}" is no protocol`, 'accepted: tcp, udp');
  return {
    protocol,
    ip,
    hostPort: portOf(host, text, PUBLISH_ACCEPTED),
    port: portOf(inside, text, PUBLISH_ACCEPTED),
  };
}

/** `--unpublish [IP:]HOST[/udp]`, or the whole of what was published. */
export function parseUnpublish(text: string): Pick<Published, 'protocol' | 'ip' | 'hostPort'> {
  const short = /^((?:\[[^\]]+\]|[^:[\]]+):)?(\d+)(\/\w+)?$/.exec(text.trim());
  return parsePublish(short ? `${short[1] ?? ''}${short[2]}:1${short[3] ?? ''}` : text);
}

/** As `inspect` shows it and {@link parsePublish} reads it. */
export function formatPublished({ protocol, ip, hostPort, port }: Published): string {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${hostPort}:${port}${protocol === 'udp' ? '/udp' : ''}`;
}

export const samePort = (one: Omit<Published, 'port'>, other: Omit<Published, 'port'>): boolean =>
  one.protocol === other.protocol && one.ip === other.ip && one.hostPort === other.hostPort;

const ALLOW_ACCEPTED = 'example.org, example.org:443, 192.0.2.0/24, 192.0.2.7:5432, [2001:db8::1]:443';
/** RFC 1123, 2.1, and the underscores that people use. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}[a-z0-9_])?)*$/i;

/** A network or an address of one of the two families. */
function isNetwork(text: string): boolean {
  const [address = '', length, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128));
}

/** `--allow HOST|CIDR[:PORT]`. */
export function parseAllow(text: string): Allowed {
  const trimmed = text.trim();
  const bare = isIP(trimmed.split('/')[0] ?? '') === 6 ? trimmed : null;
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(.*))?$/.exec(trimmed);
  const host = bare ?? match?.[1] ?? match?.[2] ?? '';
  const port = bare === null ? match?.[3] : undefined;
  const network = isNetwork(host);
  // What is nearly an address must not be looked up as a name.
  if (!network && (!HOST_NAME.test(host) || /^[\d.]+$/.test(host) || match?.[1] !== undefined))
    throw usageError(`"${text}" is neither a host nor a network`, `accepted: ${ALLOW_ACCEPTED}`);
  return {
    host,
    port: port === undefined ? null : portOf(port, text, ALLOW_ACCEPTED),
    addresses: network ? [host] : [],
  };
}

export function formatAllowed({ host, port }: Allowed): string {
  const text = host.includes(':') && port !== null ? `[${host}]` : host;
  return port === null ? text : `${text}:${port}`;
}

const DELAY_MOST_MS = 10_000;

/** `--delay DURATION`, in each direction. @returns microseconds */
export function parseDelay(text: string): number | null {
  if (text.trim() === 'max' || text.trim() === '0') return null;
  const ms = parseDuration(text);
  if (ms > DELAY_MOST_MS) throw usageError(`"${text}" is longer than 10 s`, 'accepted: 1ms to 10s');
  return ms * 1000;
}

/** `--loss N%`, of the packets in each direction. */
export function parseLoss(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text.trim());
  const percent = Number(match?.[1]);
  if (!match || percent > 100)
    throw usageError(`"${text}" is not a share of packets`, 'accepted: 0.1% to 100%, or 0% for none');
  return percent === 0 ? null : percent;
}
