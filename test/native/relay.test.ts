import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { requires } from '../support/requires.js';
import { until, withFolder } from './launcher.js';
import { publicCopy, withNamespaces } from './namespaces.js';
import { alive, all, ask, dial, echo, freePort, RELAY, start, USAGE, withRelay, withServer } from './relays.js';

const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'utf8');
/** Field 22 of /proc/PID/stat, after the name of the command. */
const startTime = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? '';

describe('a relay that starts', () => {
  it.each(['tcp', 'udp'] as const)('notes a daemon of %s by pid and start time before it says its pid', (protocol) =>
    withFolder((folder) =>
      withRelay(
        protocol,
        { port: 1 },
        async ({ pid, port }) => {
          const name = `${protocol}-127.0.0.1-${port}`;
          expect(readdirSync(folder)).toEqual([name]);
          expect(readFileSync(`${folder}/${name}`, 'utf8')).toBe(`${pid}_${startTime(pid)}`);
          expect(statSync(`${folder}/${name}`).mode & 0o777).toBe(0o600);
          await Promise.resolve();
        },
        { flags: ['--register', folder] },
      ),
    ),
  );

  requires('root')('is nobody’s then: no right, no descriptor of its caller, no terminal', async () => {
    await withServer(echo, (target) =>
      withRelay('tcp', { port: target }, async ({ pid, port }) => {
        expect(await ask(port, 'x')).toBe('x');
        const text = status(pid);
        expect(text).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
        expect(text).toMatch(/^Groups:\t *$/m);
        for (const set of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb'])
          expect(text).toMatch(new RegExp(`^${set}:\t0+$`, 'm'));
        expect(text).toMatch(/^NoNewPrivs:\t1$/m);
        expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
        for (const fd of ['0', '1', '2']) expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).toBe('/dev/null');
        for (const fd of readdirSync(`/proc/${pid}/fd`))
          expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).toMatch(/^(\/dev\/null|socket:|pipe:|anon_inode:\[eventpoll\])/);
        expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3]).toBe(String(pid));
      }),
    );
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends by %s, and its port and connections with it', async (signal) => {
    const port = await freePort();
    await withServer(echo, async (target) => {
      const { stdout } = start(['tcp', '127.0.0.1', String(port), '127.0.0.1', String(target)]);
      const client = dial(port);
      await once(client, 'connect');
      const closed = once(client, 'end').catch(() => undefined);
      process.kill(Number(stdout), signal);
      await until(() => !alive(Number(stdout)));
      await closed;
      client.destroy();
      const next = createServer().listen(port, '127.0.0.1');
      await once(next, 'listening');
      next.close();
    });
  });
});

describe('a relay that cannot start leaves nothing and says', () => {
  const failing = (flags: string[], ...words: string[]): Promise<string> =>
    withFolder(async (folder) => {
      const { status: code, stdout, stderr } = start(['--register', folder, ...flags, ...words]);
      expect({ code, stdout, left: readdirSync(folder) }).toEqual({ code: 1, stdout: '', left: [] });
      return Promise.resolve(stderr);
    });

  it.each(['tcp', 'udp'] as const)('that the port of %s is taken, by whomever', async (protocol) => {
    await withRelay(protocol, { port: 1 }, async ({ port }) => {
      const said = await failing([], protocol, '127.0.0.1', String(port), '127.0.0.1', '1');
      expect(said).toBe(`fail bind 98 ${protocol} 127.0.0.1 ${port}\n`);
    });
  });

  it('that the address is not this host’s', async () => {
    expect(await failing([], 'tcp', '192.0.2.1', '8080', '127.0.0.1', '1')).toBe('fail bind 99 tcp 192.0.2.1 8080\n');
    expect(await failing([], 'udp', '2001:db8::1', '8080', '127.0.0.1', '1')).toBe('fail bind 99 udp 2001:db8::1 8080\n');
  });

  it('that there is no such folder, namespace or link, or that it is none', async () => {
    const port = String(await freePort());
    const words = ['tcp', '127.0.0.1', port, '127.0.0.1', '1'];
    const folder = start(['--register', '/nonexistent', ...words]);
    expect(folder).toMatchObject({ status: 1, stdout: '', stderr: 'fail register 2 /nonexistent\n' });
    expect(await failing(['--connect-net', '/nonexistent'], ...words)).toBe('fail open 2 /nonexistent\n');
    expect(await failing(['--connect-net', '/dev/null'], ...words)).toBe('fail ns 22 net\n');
    expect(await failing(['--device', 'nonexistent0'], ...words)).toBe('fail device 19 nonexistent0\n');
    // Each of them let the port go again.
    const next = createServer().listen(Number(port), '127.0.0.1');
    await once(next, 'listening');
    next.close();
  });

  const GOOD = ['tcp', '127.0.0.1', '8080', '127.0.0.1', '80'];
  it.each([
    [[]],
    [GOOD.slice(0, 4)],
    [[...GOOD, 'more']],
    [['sctp', ...GOOD.slice(1)]],
    [['tcp', 'localhost', '8080', '127.0.0.1', '80']],
    [['tcp', '127.0.0.1', '0', '127.0.0.1', '80']],
    [['tcp', '127.0.0.1', '65536', '127.0.0.1', '80']],
    [['tcp', '127.0.0.1', '-1', '127.0.0.1', '80']],
    [['tcp', '127.0.0.1', '8080x', '127.0.0.1', '80']],
    [['tcp', '127.0.0.1', '8080', '127.0.0.1', '']],
    [['tcp', '127.0.1', '8080', '127.0.0.1', '80']],
    [['tcp', '::1%lo', '8080', '127.0.0.1', '80']],
    [['tcp', '127.0.0.1', '8080', '256.0.0.1', '80']],
    [['--register', '', ...GOOD]],
    [['--register', '/tmp', '--register', '/tmp', ...GOOD]],
    [['--register']],
    [['--unknown', ...GOOD]],
    [['tcp', 'A'.repeat(10_000), '8080', '127.0.0.1', '80']],
  ])('how it is used, for %j', (argv) => {
    const { status: code, stdout, stderr } = start(argv);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.endsWith(USAGE)).toBe(true);
  });
});

describe('a relay into another network', () => {
  const LISTENER = 'import socket; s = socket.create_server(("127.0.0.1", 7)); print(flush=True)\nwhile True: c, _ = s.accept(); c.sendall(b"inside"); c.close()';
  /** A server in a network namespace whose loopback is up. */
  async function withInside(enter: string[], use: () => Promise<void>): Promise<void> {
    const words = [...enter, 'sh', '-c', 'ip link set lo up && exec python3 -c "$0"', LISTENER];
    const server = spawn('env', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(server.stdout, 'data');
      await use();
    } finally {
      server.kill('SIGKILL');
    }
  }
  const heard = async (port: number): Promise<string> => {
    const client = dial(port);
    const text = String(await all(client));
    client.destroy();
    return text;
  };

  requires('root', 'unshare', 'nsenter', 'ip', 'python3')('listens here and connects there', () =>
    withNamespaces({}, ['--net'], (path) =>
      withInside(['nsenter', `--net=${path('net')}`], () =>
        withRelay('tcp', { port: 7 }, async ({ port }) => expect(await heard(port)).toBe('inside'), {
          flags: ['--connect-net', path('net')],
        }),
      ),
    ),
  );

  requires('root', 'unshare', 'nsenter', 'setpriv', 'ip', 'python3', 'user-namespaces')(
    'goes there without root by the user namespace that it belongs to, and only so',
    () =>
      withFolder(async (folder) => {
        const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
        const [program = ''] = publicCopy(folder, RELAY);
        await withNamespaces({ uid: 65534, gid: 65534 }, ['--user', '--map-root-user', '--net'], async (path) => {
          const enter = [...nobody, 'nsenter', `--user=${path('user')}`, '--preserve-credentials', `--net=${path('net')}`];
          await withInside(enter, async () => {
            const flags = ['--connect-user', path('user'), '--connect-net', path('net')];
            await withRelay('tcp', { port: 7 }, async ({ port }) => expect(await heard(port)).toBe('inside'), {
              flags,
              before: nobody,
              program,
            });
            const words = [...flags.slice(2), 'tcp', '127.0.0.1', String(await freePort()), '127.0.0.1', '7'];
            expect(start(words, nobody, program)).toMatchObject({ status: 1, stderr: 'fail ns 1 net\n' });
            const low = start(['tcp', '127.0.0.1', '79', '127.0.0.1', '7'], nobody, program);
            expect(low).toMatchObject({ status: 1, stderr: 'fail bind 13 tcp 127.0.0.1 79\n' });
          });
        });
      }),
  );
});
