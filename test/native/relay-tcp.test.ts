import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { requires } from '../support/requires.js';
import { until } from './launcher.js';
import { all, ask, dial, echo, fate, freePort, hear, RELAY, withRelay, withServer } from './relays.js';

const MIB = 1 << 20;
const sha = (): ReturnType<typeof createHash> => createHash('sha256');

/** Sends as fast as the other side takes it, and ends. */
async function pour(socket: Socket, mib: number): Promise<string> {
  const [hash, block] = [sha(), randomBytes(MIB)];
  for (let sent = 0; sent < mib; sent += 1) {
    block.writeUInt32BE(sent, 0);
    hash.update(block);
    if (!socket.write(Buffer.from(block))) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}
async function drain(socket: Socket): Promise<{ size: number; hash: string }> {
  const hash = sha();
  let size = 0;
  await hear(socket, (chunk) => {
    hash.update(chunk);
    size += chunk.length;
  });
  return { size, hash: hash.digest('hex') };
}

/**
 * Server and client of a connection that the server resets half way. The last four times the relay learns of it from
 * the attempt to write, and is not told again when it reads. Not in Node, whose sockets may take a reset for an end.
 */
const BREAKS_OFF = `
import os, signal, socket, struct, subprocess, sys, time
server = socket.create_server(("127.0.0.1", 0))
port = socket.create_server(("127.0.0.1", 0))
words = ["tcp", "127.0.0.1", str(port.getsockname()[1]), "127.0.0.1", str(server.getsockname()[1])]
port.close()
relay = int(subprocess.check_output([sys.argv[1], *words]))
def part(client):
    heard = b""
    try:
        while piece := client.recv(100): heard += piece
        return f"{heard} end"
    except ConnectionResetError: return f"{heard} reset"
try:
    for count in range(8):
        client = socket.create_connection(("127.0.0.1", int(words[2])), 5)
        target, _ = server.accept()
        time.sleep(0.02)
        if count >= 4: os.kill(relay, signal.SIGSTOP)
        target.sendall(b"half of")
        target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        target.close()
        if count >= 4:
            client.sendall(b"x")
            os.kill(relay, signal.SIGCONT)
        print(part(client))
finally: os.kill(relay, signal.SIGKILL)
`;

describe('a relay of connections', () => {
  it('carries 64 MiB in each direction at once, every byte as it was', async () => {
    let fromClient: Promise<{ size: number; hash: string }> | undefined;
    let toClient: Promise<string> | undefined;
    const serve = (socket: Socket): void => {
      fromClient = drain(socket);
      toClient = pour(socket, 64);
    };
    await withServer(serve, (target) =>
      withRelay('tcp', { port: target }, async ({ port }) => {
        const client = dial(port);
        const [sent, received] = await Promise.all([pour(client, 64), drain(client)]);
        expect(received).toEqual({ size: 64 * MIB, hash: await toClient });
        expect(await fromClient).toEqual({ size: 64 * MIB, hash: sent });
      }),
    );
  });

  it('lets a client that has said all get the whole answer, and a server likewise', async () => {
    const answer = randomBytes(3 * MIB);
    const late = (socket: Socket): void =>
      void all(socket).then((asked) => socket.end(Buffer.concat([asked, answer])));
    await withServer(late, (target) =>
      withRelay('tcp', { port: target }, async ({ port }) => {
        const client = dial(port);
        client.end('question');
        expect((await all(client)).equals(Buffer.concat([Buffer.from('question'), answer]))).toBe(true);
      }),
    );
    let heard: Promise<Buffer> | undefined;
    const early = (socket: Socket): void => {
      heard = all(socket);
      socket.end('bye');
    };
    await withServer(early, (target) =>
      withRelay('tcp', { port: target }, async ({ port }) => {
        const client = dial(port);
        expect((await all(client)).toString()).toBe('bye');
        client.end('still here');
        expect((await heard)?.toString()).toBe('still here');
      }),
    );
  });

  it('resets a client whose target refuses, at once, and serves the next when there is a target', async () => {
    const target = await freePort();
    await withRelay('tcp', { port: target }, async ({ port }) => {
      const started = performance.now();
      expect(await fate(port)).toBe('ECONNRESET');
      expect(performance.now() - started).toBeLessThan(1000);
      await withServer(echo, (other) =>
        withRelay('tcp', { port: other }, async ({ port: second }) => expect(await ask(second, 'hello')).toBe('hello')),
      );
      expect(await fate(port)).toBe('ECONNRESET');
    });
  });

  requires('python3')('resets the client where the server breaks off, so that it takes no part for the whole', () => {
    const { status, stdout, stderr } = spawnSync('python3', ['-c', BREAKS_OFF, RELAY], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe("b'half of' reset\n".repeat(8));
  });

  it('serves 300 at once, each with its own answer', async () => {
    await withServer(echo, (target) =>
      withRelay('tcp', { port: target }, async ({ port, fds }) => {
        const clients = Array.from({ length: 300 }, () => dial(port));
        await Promise.all(clients.map((client) => once(client, 'connect')));
        await until(() => fds() >= 600);
        clients.forEach((client, number) => client.end(`client ${number}`));
        const answers = await Promise.all(clients.map(all));
        expect(answers.map(String)).toEqual(clients.map((_client, number) => `client ${number}`));
      }),
    );
  });

  it('serves others while a reader sleeps, and sleeps itself then', async () => {
    const serve = (socket: Socket): void => {
      socket.once('data', (asked) => (String(asked) === 'much' ? void pour(socket, 64).catch(() => undefined) : socket.end('little')));
    };
    await withServer(serve, (target) =>
      withRelay('tcp', { port: target }, async ({ port, ticks }) => {
        const lazy = Array.from({ length: 20 }, () => dial(port));
        for (const client of lazy) client.write('much');
        await sleep(500);
        const before = ticks();
        const started = performance.now();
        for (let count = 0; count < 50; count += 1) expect(await ask(port, 'x')).toBe('little');
        expect(performance.now() - started).toBeLessThan(2000);
        await sleep(1000);
        // Of 100 a second: 50 connections cost next to nothing, a loop that never sleeps 100.
        expect(ticks() - before).toBeLessThan(30);
        const first = await drain(lazy[0]!);
        expect(first.size).toBe(64 * MIB);
        for (const client of lazy) client.destroy();
      }),
    );
  });

  it.each([
    ['::1', '127.0.0.1'],
    ['127.0.0.1', '::1'],
    ['::1', '::1'],
  ])('leads from %s to %s', async (ip, targetIp) => {
    await withServer(
      echo,
      (target) =>
        withRelay('tcp', { ip: targetIp, port: target }, async ({ port }) => expect(await ask(port, 'x', ip)).toBe('x'), {
          ip,
        }),
      targetIp,
    );
  });

  it('keeps no descriptor of 1,000 connections, whether they end in order or not', async () => {
    await withServer(echo, (target) =>
      withRelay('tcp', { port: target }, async ({ port, fds }) => {
        const rounds = async (count: number): Promise<void> => {
          for (let round = 0; round < count; round += 1) {
            await Promise.all(Array.from({ length: 20 }, () => ask(port, 'x'.repeat(5000))));
            for (const client of Array.from({ length: 5 }, () => dial(port))) {
              await once(client, 'connect');
              client.write('x', () => client.resetAndDestroy());
            }
          }
        };
        const settled = async (): Promise<number> => {
          for (let last = -1; last !== fds(); await sleep(100)) last = fds();
          return fds();
        };
        await rounds(4);
        const before = await settled();
        await rounds(40);
        expect(await settled()).toBeLessThanOrEqual(before);
      }),
    );
  });

  requires('prlimit')('lets clients wait while it has no descriptor for them, without working, and serves them then', async () => {
    await withServer(echo, (target) =>
      withRelay(
        'tcp',
        { port: target },
        async ({ port, ticks }) => {
          const first = Array.from({ length: 40 }, () => dial(port));
          await Promise.all(first.map((client) => once(client, 'connect')));
          await sleep(200);
          const before = ticks();
          await sleep(1500);
          expect(ticks() - before).toBeLessThan(15);
          const answers = Promise.all(first.map(all));
          for (const [number, client] of first.entries()) client.end(`client ${number}`);
          expect((await answers).map(String)).toEqual(first.map((_client, number) => `client ${number}`));
          expect(await ask(port, 'and after')).toBe('and after');
        },
        { before: ['prlimit', '--nofile=40:40'] },
      ),
    );
  });

  it('lives through garbage, clients that break off at any moment and a target that comes and goes', async () => {
    const moods = [
      echo,
      (socket: Socket) => socket.destroy(),
      (socket: Socket) => socket.resetAndDestroy(),
      (socket: Socket) => void socket.end(randomBytes(100_000)),
      (socket: Socket) => void socket.pause(),
    ];
    const some = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)]!;
    await withServer(
      (socket) => some(moods)(socket),
      (target, stop) =>
        withRelay('tcp', { port: target }, async ({ pid, port, fds }) => {
          const before = fds();
          const act = async (): Promise<void> => {
            const client = dial(port);
            await Promise.race([once(client, 'connect').catch(() => undefined), sleep(500)]);
            const ends = [() => client.destroy(), () => client.resetAndDestroy(), () => client.end()];
            for (let writes = Math.floor(Math.random() * 4); writes > 0; writes -= 1) {
              client.write(randomBytes(Math.floor(Math.random() * 200_000)));
              if (Math.random() < 0.5) client.resume();
              await sleep(Math.random() * 5);
            }
            some(ends)();
            await sleep(20);
            client.destroy();
          };
          for (let round = 0; round < 20; round += 1) await Promise.all(Array.from({ length: 30 }, act));
          stop();
          await Promise.all(Array.from({ length: 30 }, act));
          await until(() => fds() <= before + 2 * PIPES_KEPT + 2);
          expect(process.kill(pid, 0)).toBe(true);
        }),
    );
  });
});

/** Pipes that it keeps for the next (native/pipes.h), two descriptors each. */
const PIPES_KEPT = 64;
