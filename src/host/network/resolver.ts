/** How names are looked up inside: the text of its resolv.conf, and the host's own servers that it asks by way of the gateway. */
export interface Resolver {
  text: string;
  /** A server on the host's loopback, which a stack cannot reach: asked for it by a relay at the gateway. */
  stub: string | null;
}

const isLoopback = (address: string): boolean => /^127\.|^::1$/.test(address);

const serversOf = (text: string): string[] =>
  [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '');

const withServers = (text: string, servers: readonly string[]): string =>
  [
    ...text.split('\n').filter((line) => !/^\s*nameserver\b/.test(line) && line.trim() !== ''),
    ...servers.map((server) => `nameserver ${server}`),
    '',
  ].join('\n');

/**
 * resolv.conf(5) for inside. Servers elsewhere stay as they are. A stub on the host's loopback (systemd-resolved,
 * dnsmasq) is replaced by the servers that it asks itself where it tells them, else asked through the gateway. Pure.
 * @param host text of the host's /etc/resolv.conf, empty if it has none
 * @param upstream text of /run/systemd/resolve/resolv.conf, or null
 */
export function resolverFor(host: string, upstream: string | null, gateway: string): Resolver {
  const servers = serversOf(host);
  const elsewhere = servers.filter((server) => !isLoopback(server));
  if (elsewhere.length > 0) return { text: withServers(host, elsewhere), stub: null };
  const asked = serversOf(upstream ?? '').filter((server) => !isLoopback(server));
  if (asked.length > 0) return { text: withServers(host, asked), stub: null };
  // No server named: resolv.conf(5) says that one on the local machine is asked.
  return { text: withServers(host, [gateway]), stub: servers[0] ?? '127.0.0.1' };
}
