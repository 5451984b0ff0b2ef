import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { errnoOf } from '../../shared/errors.js';
import { resolverFor, type Resolver } from '../../host/network/resolver.js';
import { stateError } from '../../state/json.js';

/** The host, seen from a stack. */
export const HOST_NAME = 'host.compart.internal';

/** One line of hosts(5). */
export interface HostsLine {
  address: string;
  names: string[];
}

/** hosts(5) for inside: the host's own lines, then those of the stack. Pure. */
export function hostsText(host: string, lines: readonly HostsLine[]): string {
  const own = lines.map(({ address, names }) => `${address}\t${names.join(' ')}`);
  return `${host.trimEnd()}\n${own.join('\n')}\n`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw stateError('read', path, error);
  }
}

/** Written in place: it is bound over the host's own file in every process of the stack. */
function writeInPlace(path: string, text: string): void {
  try {
    writeFileSync(path, text);
    // Read by whatever user the command runs as, whatever the umask; the folder around it stays private.
    chmodSync(path, 0o644);
  } catch (error) {
    throw stateError('write', path, error);
  }
}

/** The two files of a stack, in the folder of its compartment. */
export const FILES = [
  { target: '/etc/hosts', name: 'hosts' },
  { target: '/etc/resolv.conf', name: 'resolv.conf' },
] as const;

/** What a command binds over the host's own files; a file that the host does not have cannot be covered. */
export function bindsOf(folder: string): Array<{ target: string; source: string }> {
  return FILES.filter(({ target }) => existsSync(target)).map(({ target, name }) => ({
    target,
    source: `${folder}/${name}`,
  }));
}

export function writeHosts(folder: string, lines: readonly HostsLine[]): void {
  writeInPlace(`${folder}/hosts`, hostsText(readText('/etc/hosts'), lines));
}

const NO_SERVER = '# compart: what --allow names is in /etc/hosts; nothing else has a name here\n';

/** How names would be looked up inside now. @param nameServer who answers for one on the host's loopback */
export const resolverNow = (nameServer: string): Resolver =>
  resolverFor(readText('/etc/resolv.conf'), readText('/run/systemd/resolve/resolv.conf') || null, nameServer);

/**
 * Writes resolv.conf for inside.
 * @param nameServer who answers for a name server on the host's loopback; null where there is no network
 * @param open may names be looked up at all? With --allow and without a network they may not
 * @returns the stub on the host's loopback that has to be asked for the stack, or null
 */
export function writeResolver(folder: string, nameServer: string | null, open: boolean): string | null {
  const path = `${folder}/resolv.conf`;
  if (!open || nameServer === null) {
    writeInPlace(path, NO_SERVER);
    return null;
  }
  const { text, stub } = resolverNow(nameServer);
  writeInPlace(path, text);
  return stub;
}
