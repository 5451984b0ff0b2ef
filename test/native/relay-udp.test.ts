import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { requires } from '../support/requires.js';
import { freePort, withRelay, withUdp } from './relays.js';

/** Answers each datagram with the port it came from, a colon and itself. */
const parrot = (socket: Socket): void =>
  void socket.on('message', (message, from) =>
    socket.send(Buffer.concat([Buffer.from(`${from.port}:`), message]), from.port, from.address),
  );

/** Sends and waits for one datagram, which has to come from where it was sent to. */
async function exchange(socket: Socket, message: Buffer | string, port: number, ip = '127.0.0.1'): Promise<Buffer> {
  const signal = AbortSignal.timeout(5000);
  const answer = once(socket, 'message', { signal });
  socket.send(message, port, ip);
  const [received, from] = (await answer) as [Buffer, { port: number; address: string }];
  expect([from.port, from.address]).toEqual([port, ip]);
  return received;
}
const clients = async (count: number, use: (sockets: Socket[]) => Promise<void>, made: Socket[] = []): Promise<void> =>
  made.length === count
    ? use(made)
    : withUdp('udp4', '127.0.0.1', (socket) => clients(count, use, [...made, socket]));

describe('a relay of datagrams', () => {
  it('gives each of 200 clients a session of its own, and answers to the one that asked', async () => {
    await withUdp('udp4', '127.0.0.1', async (server, target) => {
      parrot(server);
      await withRelay('udp', { port: target }, ({ port }) =>
        clients(200, async (sockets) => {
          const seen = new Map<number, string>();
          for (let round = 0; round < 3; round += 1) {
            const answers = await Promise.all(sockets.map((socket, number) => exchange(socket, `client ${number}`, port)));
            answers.forEach((answer, number) => {
              const [session = '', text] = String(answer).split(':');
              expect(text).toBe(`client ${number}`);
              // The same session each time, and nobody else's.
              expect(seen.get(number) ?? session).toBe(session);
              seen.set(number, session);
            });
          }
          expect(new Set(seen.values()).size).toBe(200);
        }),
      );
    });
  });

  it('carries datagrams of every size, from none to the largest there are, each whole', async () => {
    await withUdp('udp4', '127.0.0.1', async (server, target) => {
      server.on('message', (message, from) => server.send(message, from.port, from.address));
      await withRelay('udp', { port: target }, ({ port }) =>
        withUdp('udp4', '127.0.0.1', async (client) => {
          for (const size of [0, 1, 1472, 1473, 9000, 65_507]) {
            const message = randomBytes(size);
            expect((await exchange(client, message, port)).equals(message)).toBe(true);
          }
        }),
      );
    });
  });

  it.each([
    ['udp4', '0.0.0.0', '127.0.0.5', '127.0.0.1'],
    ['udp4', '127.0.0.1', '127.0.0.1', '::1'],
    ['udp6', '::1', '::1', '127.0.0.1'],
    ['udp6', '::', '::1', '::1'],
  ] as const)('%s on %s answers from %s, to which it was sent, for a target at %s', async (family, ip, at, targetIp) => {
    await withUdp(targetIp === '::1' ? 'udp6' : 'udp4', targetIp, async (server, target) => {
      parrot(server);
      await withRelay(
        'udp',
        { ip: targetIp, port: target },
        ({ port }) =>
          withUdp(family, family === 'udp6' ? '::1' : '127.0.0.1', async (client) =>
            expect(String(await exchange(client, 'x', port, at))).toMatch(/^\d+:x$/),
          ),
        { ip },
      );
    });
  });

  it('lives on where nobody listens, and the same client is answered when somebody does', async () => {
    const target = await freePort();
    await withRelay('udp', { port: target }, ({ port }) =>
      withUdp('udp4', '127.0.0.1', async (client) => {
        for (let count = 0; count < 5; count += 1) {
          client.send('lost', port, '127.0.0.1');
          await sleep(10);
        }
        const { createSocket } = await import('node:dgram');
        const server = createSocket('udp4');
        parrot(server);
        server.bind(target, '127.0.0.1');
        await once(server, 'listening');
        expect(String(await exchange(client, 'found', port))).toMatch(/:found$/);
        server.close();
      }),
    );
  });

  requires('prlimit')('ends the longest idle session where it has no descriptor for the next', async () => {
    await withUdp('udp4', '127.0.0.1', async (server, target) => {
      parrot(server);
      await withRelay(
        'udp',
        { port: target },
        ({ port, fds }) =>
          clients(60, async (sockets) => {
            for (const [number, socket] of sockets.entries())
              expect(String(await exchange(socket, `${number}`, port))).toMatch(new RegExp(`:${number}$`));
            expect(fds()).toBeLessThanOrEqual(30);
            expect(String(await exchange(sockets[0]!, 'again', port))).toMatch(/:again$/);
          }),
        { before: ['prlimit', '--nofile=30:30'] },
      );
    });
  });

  it('ends a session after a minute without a datagram, and no other', async () => {
    await withUdp('udp4', '127.0.0.1', async (server, target) => {
      parrot(server);
      await withRelay('udp', { port: target }, ({ port, fds, ticks }) =>
        clients(20, async (sockets) => {
          const none = fds();
          const sessions = await Promise.all(sockets.map((socket) => exchange(socket, 'x', port)));
          expect(fds()).toBe(none + 20);
          const before = ticks();
          await sleep(30_000);
          expect(await exchange(sockets[7]!, 'x', port)).toEqual(sessions[7]);
          await sleep(31_000);
          expect(fds()).toBe(none + 1);
          expect(ticks() - before).toBeLessThan(5);
          expect(await exchange(sockets[7]!, 'x', port)).toEqual(sessions[7]);
          expect(String(await exchange(sockets[0]!, 'x', port))).toMatch(/:x$/);
        }),
      );
    });
  }, 90_000);
});
