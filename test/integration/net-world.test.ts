import { describe, expect } from '@jest/globals';
import {
  LENT_ADDRESS,
  LENT_ADDRESS6,
  withLentHost,
  WORLD_ADDRESS,
  WORLD_ADDRESS6,
  type LentHost,
  type LentOptions,
} from '../support/lent-host.js';
import { NAME_SERVER } from '../support/name-server.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const it = requires('root', 'ip', 'tc', 'nft', 'nsenter', 'unshare', 'python3', 'curl');
const withHost = (use: (host: LentHost) => Promise<void>, options: LentOptions = {}): Promise<void> =>
  withLentHost(sandbox.current, use, options);

/** Says "ready", and tells each who connects from which address it came. */
const WHO = `
import socket, sys
s = socket.create_server((sys.argv[1], 7000), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("ready", flush=True)
while True:
    c, peer = s.accept(); c.sendall(peer[0].encode()); c.close()
`;
/** Prints what each address says, or why it says nothing. */
const ASK = `
import socket, sys
for to in sys.argv[1:]:
    try: print(socket.create_connection((to, 7000), 3).recv(99).decode())
    except OSError as error: print(error.strerror or error)
`;
const asking = (...addresses: string[]): string[] => ['python3', '-c', ASK, ...addresses];
const lines = ({ stdout }: { stdout: string }): string[] => stdout.trim().split('\n');

const serveWorld = async (host: LentHost): Promise<void> => {
  for (const address of [WORLD_ADDRESS, WORLD_ADDRESS6])
    await host.serve(['ip', 'netns', 'exec', 'world', 'python3', '-c', WHO, address]);
};

describe('the world', () => {
  it('is reached over IPv4 and IPv6, and sees the host', () =>
    withHost(
      async (host) => {
        await serveWorld(host);
        const words = asking(WORLD_ADDRESS, WORLD_ADDRESS6);
        expect(lines(await host.compart('run', '--net', '10mbit', '--', ...words))).toEqual([
          LENT_ADDRESS,
          LENT_ADDRESS6,
        ]);
      },
      { world: true },
    ));

  it('is not let in, not even with a route to a stack', () =>
    withHost(
      async (host) => {
        await host.compart('run', '-d', '--name', 'web', '--net', 'max', '--', 'python3', '-c', WHO, '::');
        const inside = asking('fd63:6f6d:7061:7274::2');
        await until('it listens', async () => lines(await host.run(inside))[0] === 'fd63:6f6d:7061:7274::1');
        for (const route of [
          `10.210.0.0/16 via ${LENT_ADDRESS}`,
          `fd63:6f6d:7061:7274::/64 via ${LENT_ADDRESS6}`,
        ])
          await host.run(['ip', '-n', 'world', 'route', 'add', ...route.split(' ')]);
        const from = ['ip', 'netns', 'exec', 'world'];
        for (const answer of lines(
          await host.run([...from, ...asking('10.210.0.2', 'fd63:6f6d:7061:7274::2')]),
        ))
          expect(answer).not.toMatch(/^[0-9a-f.:]+$/);
        await host.compart('rm', '--force', 'web');
      },
      { world: true },
    ));
});

describe('the addresses of stacks', () => {
  it('are of the first network into which the host has no route', () =>
    withHost(async (host) => {
      for (const route of ['10.210.77.0/24', '10.137.0.0/16', 'fd63:6f6d:7061:7274::/80'])
        expect(await host.run(['ip', 'route', 'add', route, 'dev', 'cntest0'])).toMatchObject({ status: 0 });
      const { stdout } = await host.compart('run', '--net', 'max', '--', 'ip', 'addr', 'show', 'dev', 'eth0');
      expect(stdout).toContain('inet 172.29.0.2 peer 172.29.0.1/32');
      expect(stdout).toContain('inet6 fd63:6f6d:7061:7275::2 peer fd63:6f6d:7061:7275::1/128');
    }));

  it('are refused where the host has routes into all of them', () =>
    withHost(async (host) => {
      for (const route of ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'])
        expect(await host.run(['ip', 'route', 'add', route, 'dev', 'cntest0'])).toMatchObject({ status: 0 });
      const { status, stdout, stderr } = await host.compart('run', '--net', 'max', '--', 'echo', 'ran');
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
      expect(stderr).toContain(
        'this host has routes into every network that stacks could have: 10.210.0.0/16',
      );
    }));
});

describe('--allow', () => {
  const STUB = { world: true, resolver: 'nameserver 127.0.0.53\n' };

  it('lets a network be reached, over IPv6 too, and nothing beside it', () =>
    withHost(
      async (host) => {
        await serveWorld(host);
        const words = asking(WORLD_ADDRESS, WORLD_ADDRESS6);
        const run = (...allow: string[]) => host.compart('run', '--net', 'max', ...allow, '--', ...words);
        expect(lines(await run('--allow', '2001:db8:51::/64'))).toEqual(['No route to host', LENT_ADDRESS6]);
        expect(lines(await run('--allow', '198.51.100.0/24'))).toEqual([LENT_ADDRESS, 'Connection refused']);
        expect(lines(await run('--allow', `${WORLD_ADDRESS}:7001`))).toEqual([
          'No route to host',
          'Connection refused',
        ]);
      },
      { world: true },
    ));

  it('has compart look a name up, once: inside no name server is to be had that could say another address', () =>
    withHost(async (host) => {
      await host.serve(['python3', '-c', NAME_SERVER, '127.0.0.53']);
      await serveWorld(host);
      const script = `
import socket
print(socket.gethostbyname("some.example"))
for name in ("other.example", "SOME.example.org"):
    try: print(socket.gethostbyname(name))
    except OSError: print("no such name")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
for server in ("host.compart.internal", "${LENT_ADDRESS}", "10.210.0.1"):
    try: s.connect((server, 53)); s.send(b"x"); print(s.recv(9))
    except OSError as error: print(error.strerror or error)
`;
      const words = ['--allow', 'some.example', '--', 'python3', '-c', script];
      expect(lines(await host.compart('run', '--net', '10mbit', ...words))).toEqual([
        '203.0.113.9',
        ...['no such name', 'no such name'],
        ...Array<string>(3).fill('No route to host'),
      ]);
      const refused = await host.compart(
        'run',
        '--net',
        'max',
        '--allow',
        'some.example',
        '--',
        ...asking(WORLD_ADDRESS),
      );
      expect(lines(refused)).toEqual(['No route to host']);
      expect(refused.stderr).toContain('1 connection refused by --allow');
    }, STUB));
});

describe('set --publish', () => {
  it('adds a port to what runs, and --unpublish takes it back while connections go on', () =>
    withHost(async (host) => {
      await host.compart(
        'run',
        '-d',
        '--name',
        'web',
        '--net',
        '10mbit',
        '--',
        'python3',
        '-c',
        WHO,
        '0.0.0.0',
      );
      const ask = async (port: number): Promise<string> =>
        (await host.run(['curl', '-s', '--http0.9', `http://127.0.0.1:${port}/`])).stdout;
      expect(await host.compart('set', 'web', '--publish', '8080:7000')).toMatchObject({
        status: 0,
        stderr: '',
      });
      await until('it answers', async () => (await ask(8080)) === '10.210.0.1');
      expect(await host.compart('set', 'web', '-p', '8081:7000')).toMatchObject({ status: 0, stderr: '' });
      expect([await ask(8080), await ask(8081)]).toEqual(['10.210.0.1', '10.210.0.1']);
      expect((await host.compart('set', 'web', '--unpublish', '8080')).status).toBe(0);
      expect([await ask(8080), await ask(8081)]).toEqual(['', '10.210.0.1']);
      await host.compart('rm', '--force', 'web');
    }));
});
