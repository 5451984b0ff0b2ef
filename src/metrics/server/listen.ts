import { isIP, isIPv4 } from 'node:net';
import { usageError } from '../../shared/errors.js';

/** Where the server listens. */
export interface ListenAddress {
  ip: string;
  port: number;
}

export const DEFAULT_LISTEN = '127.0.0.1:9750';
const ACCEPTED = 'accepted: 9750, 127.0.0.1:9750, [::1]:9750; port 0 takes any that is free';
const HIGHEST_PORT = 65_535;

/** Reads `[IP:]PORT`, an IPv6 address in brackets. @throws ERR_COMPART_USAGE */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([0-9.]+|localhost)):)?(\d{1,5})$/i.exec(text.trim());
  const port = Number(match?.[3]);
  const named = match?.[1] ?? match?.[2] ?? '127.0.0.1';
  const ip = named.toLowerCase() === 'localhost' ? '127.0.0.1' : named;
  const bracketed = match?.[1] !== undefined;
  if (match === null || port > HIGHEST_PORT || isIP(ip) !== (bracketed ? 6 : 4))
    throw usageError(`--listen: "${text}" is no address and port`, ACCEPTED);
  return { ip, port };
}

/** Can it be reached from this machine alone? */
export const isLoopback = (ip: string): boolean => (isIPv4(ip) ? ip.startsWith('127.') : ip === '::1');

/** As `--listen` takes it. */
export const formatListen = ({ ip, port }: ListenAddress): string =>
  isIPv4(ip) ? `${ip}:${port}` : `[${ip}]:${port}`;

/**
 * Does a Host header name this machine's loopback? A page of somebody else whose name was made to resolve to
 * 127.0.0.1 (DNS rebinding) names itself.
 */
export function namesLoopback(header: string | undefined): boolean {
  const name = /^(\[[0-9a-f:]+\]|[^:]*)(?::\d+)?$/i.exec(header ?? '')?.[1]?.toLowerCase() ?? '';
  if (name.startsWith('[')) return isLoopback(name.slice(1, -1));
  return name === 'localhost' || (isIPv4(name) && isLoopback(name));
}
