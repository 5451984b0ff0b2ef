import { spawnSync } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { until } from './launcher.js';

export const RELAY = fileURLToPath(new URL('../../native/build/compart-relay', import.meta.url));
export const USAGE =
  'usage: compart-relay [--register DIR] [--device IFNAME] [--connect-user FILE] [--connect-net FILE] tcp|udp LISTEN_IP LISTEN_PORT TARGET_IP TARGET_PORT\n';

export interface Started {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Starts a relay and waits until its daemon serves or it has failed. @param before words before the program */
export function start(argv: readonly string[], before: readonly string[] = [], program = RELAY): Started {
  const [file = '', ...rest] = [...before, program, ...argv];
  return spawnSync(file, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A process that is no zombie. */
export function alive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

export interface Relay {
  pid: number;
  port: number;
  /** How many descriptors it has open. */
  fds: () => number;
  /** Clock ticks that it has used the CPU for. */
  ticks: () => number;
}

/** A port of the loopback that nobody has: of IPv4 and IPv6, TCP and UDP. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** A relay from a free port of `ip` to a target; ended afterwards, and it must have lived until then. */
export async function withRelay(
  protocol: 'tcp' | 'udp',
  target: { ip?: string; port: number },
  use: (relay: Relay) => Promise<void>,
  { ip = '127.0.0.1', flags = [] as string[], before = [] as string[], program = RELAY } = {},
): Promise<void> {
  const port = await freePort();
  const words = [protocol, ip, String(port), target.ip ?? '127.0.0.1', String(target.port)];
  const { status, stdout, stderr } = start([...flags, ...words], before, program);
  if (status !== 0) throw new Error(stderr);
  const pid = Number(stdout);
  const stat = (): string[] => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  try {
    await use({
      pid,
      port,
      fds: () => readdirSync(`/proc/${pid}/fd`).length,
      ticks: () => Number(stat()[11]) + Number(stat()[12]),
    });
    if (!alive(pid)) throw new Error('the relay has ended');
  } finally {
    if (alive(pid)) process.kill(pid, 'SIGKILL');
    await until(() => !alive(pid));
  }
}

/** A server on a port of its own that `serve` answers for; closed afterwards with all its connections. */
export async function withServer(
  serve: (socket: Socket) => void,
  use: (port: number, stop: () => void) => Promise<void>,
  ip = '127.0.0.1',
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  }).listen(0, ip);
  await once(server, 'listening');
  const stop = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  try {
    await use((server.address() as AddressInfo).port, stop);
  } finally {
    stop();
  }
}

export const echo = (socket: Socket): void => void socket.pipe(socket);

/** A client whose errors are not thrown. */
export function dial(port: number, ip = '127.0.0.1'): Socket {
  return connect({ port, host: ip, allowHalfOpen: true }).on('error', () => undefined);
}

/** Hands on what comes, until the other side ends; rejects where it resets. Leaves the way back open. */
export async function hear(socket: Socket, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('data', take).on('end', resolve).on('error', reject);
    socket.on('close', () => reject(new Error('closed without an end')));
  });
}

/** All that comes until the other side ends. */
export async function all(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await hear(socket, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

/** Says something, ends, and gives back what was answered. */
export async function ask(port: number, text: string, ip = '127.0.0.1'): Promise<string> {
  const socket = dial(port, ip);
  socket.end(text);
  try {
    return (await all(socket)).toString();
  } finally {
    socket.destroy();
  }
}

/** The errno with which a connection ends, or null where it ends in order. */
export async function fate(port: number): Promise<string | null> {
  return ask(port, 'x').then(
    () => null,
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
  );
}

/** A datagram socket, bound where it says or left to choose; closed afterwards. */
export async function withUdp<T>(
  family: 'udp4' | 'udp6',
  ip: string,
  use: (socket: UdpSocket, port: number) => Promise<T>,
): Promise<T> {
  const socket = createSocket({ type: family, recvBufferSize: 4 << 20, sendBufferSize: 1 << 20 });
  socket.on('error', () => undefined).bind(0, ip);
  await once(socket, 'listening');
  try {
    return await use(socket, socket.address().port);
  } finally {
    socket.close();
  }
}
