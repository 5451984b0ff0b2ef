import { chownSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { describe, expect } from '@jest/globals';
import { asBoth } from '../support/guest-callers.js';
import { until } from '../support/programs.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();

/** Listens, and counts who came. */
async function listening(
  at: string | { port: number; host: string },
): Promise<{ server: Server; came: () => number }> {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.end('reached\n');
  });
  await new Promise<void>((resolve) =>
    typeof at === 'string' ? server.listen(at, resolve) : server.listen(at, resolve),
  );
  return { server, came: () => count };
}

const CONNECT = `
import glob, socket, sys
for path in sys.argv[1:] + glob.glob('/h/tmp/**/*', recursive=True):
    s = socket.socket(socket.AF_UNIX)
    d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for each in s, d:
        try: each.connect(path.replace('@', '\\0')); print('reached', path)
        except OSError: pass
`;

describe('root in a guest', () => {
  asBoth(
    sandbox,
    "reaches no AF_UNIX socket of the host: not by path, not by an abstract name, not its own kernel's mconsole",
    async ({ dir, uid, boot }) => {
      const path = `${dir}/socket`;
      const [named, abstract] = [await listening(path), await listening(`\0compart-test-${process.pid}`)];
      chownSync(path, uid, uid);
      try {
        const script = `mkdir /h && mount -t hostfs -o / none /h
          python3 -c "$1" /m/socket /h/m/0/socket @compart-test-${process.pid}; find /h/tmp -type s | wc -l`;
        const { status, stdout, stderr } = await boot(
          ['--mount', `${dir}:/m`, '--env', `CODE=${CONNECT}`],
          script.replace('"$1"', '"$CODE"'),
        );
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(stdout).toMatch(/^\d\n$/);
        expect([named.came(), abstract.came()]).toEqual([0, 0]);
      } finally {
        named.server.close();
        abstract.server.close();
      }
    },
    ['python3'],
  );

  asBoth(
    sandbox,
    'without --net has lo and the link to its keeper, no address and no route, and reaches no service of the host',
    async ({ boot }) => {
      const { server, came } = await listening({ port: 0, host: '0.0.0.0' });
      const address = server.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      try {
        const script = `ip -o link | cut -d: -f2 | tr -d '\\n'; echo; ip -o -4 addr show scope global; ip -6 addr show scope global; ip route
          for to in 127.0.0.1 10.0.2.2 $(hostname -i 2> /dev/null); do
            python3 -c "import socket,sys; socket.create_connection((sys.argv[1], ${port}), 2); print('reached')" $to 2> /dev/null
          done; true`;
        const { status, stdout } = await boot([], script);
        expect({ status, stdout: stdout.replaceAll(/ (sit0|tunl0|dummy0)(@NONE)?/g, '') }).toEqual({
          status: 0,
          stdout: ' lo vec0\n',
        });
        expect(came()).toBe(0);
      } finally {
        server.close();
      }
    },
    ['python3', 'ip'],
  );

  asBoth(
    sandbox,
    'who sends 20,000 frames of garbage over the link hurts the link at most: the guest goes on, or is ended for it with a word',
    async ({ boot, compart, detach }) => {
      const garbage = (protocol: string): string => `
import os, random, socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('vec0', 0))
random.seed(7)
for n in range(20000):
    head = b'\\xff' * 6 + os.urandom(6) + ${protocol}
    try: s.send(head + random.randbytes(random.randrange(0, 1400)))
    except OSError: pass
`;
      const others = await boot(
        ['--env', `CODE=${garbage("b'\\x08\\x06'")}`],
        'python3 -c "$CODE"; echo lives',
      );
      expect(others).toEqual({ status: 0, stdout: 'lives\n', stderr: '' });
      await detach('vm', []);
      await compart([
        'exec',
        '--env',
        `CODE=${garbage("b'\\x88\\xb5'")}`,
        'vm',
        '--',
        'sh',
        '-c',
        'python3 -c "$CODE"',
      ]);
      await until('it lives or has ended', async () => {
        const alive = (await compart(['exec', 'vm', '--', 'true'])).status === 0;
        const { stdout } = await compart(['history', '--json']);
        const last = (JSON.parse(stdout) as Array<{ name: string; guest?: { reason: string } }>).at(-1);
        return alive || (last?.name === 'vm' && last.guest?.reason === 'protocol');
      });
    },
    ['python3'],
  );
});
