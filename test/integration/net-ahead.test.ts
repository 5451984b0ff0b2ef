import { describe, expect } from '@jest/globals';
import { withLentHost, type LentHost } from '../support/lent-host.js';
import { NAME_SERVER } from '../support/name-server.js';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox, type Answer } from '../support/sandbox.js';
import {
  full,
  json,
  keeping,
  links,
  RATE,
  runs,
  status,
  stop,
  tell,
  untilTold,
  type Net,
  type Service,
} from '../support/stacks.js';

const sandbox = useSandbox();
const it = requires('root', 'ip', 'tc', 'nft', 'nsenter', 'unshare', 'ping', 'python3');

/** A lent host with so many stacks that wait. */
async function withStacks(
  size: number,
  use: (host: LentHost, service: Service) => Promise<void>,
  options = {},
): Promise<void> {
  await withLentHost(
    sandbox.current,
    async (host) => {
      const service = await json<Service>(host, ...keeping(size));
      try {
        expect(service.stacks).toEqual({ waiting: size, size });
        await use(host, service);
      } finally {
        await stop(host, service.pid);
      }
    },
    options,
  );
}

/** Prints the index of the other end of its link, and its address; ip(8) complains of namespaces that are just being made. */
const WHERE =
  '{ ip -o link show eth0 | sed -n "s/.*eth0@if\\([0-9]*\\):.*/\\1/p"; ip -o -4 addr show eth0 | grep -o "10[.0-9]*" | head -1; } 2>/dev/null';

interface NetCounters {
  rxPackets: number;
  txPackets: number;
}

async function whereOf(answer: Promise<Answer>): Promise<{ index: string; address: string }> {
  const { status: ended, stdout, stderr } = await answer;
  expect({ ended, stderr }).toEqual({ ended: 0, stderr: '' });
  const [index = '', address = ''] = stdout.split('\n');
  return { index, address };
}

describe('stacks that wait', () => {
  it('are seen by nobody, left alone by gc, and go with their service or when none are wanted', () =>
    withLentHost(sandbox.current, async (host) => {
      const untouched = await host.state();
      const { pid } = await json<Service>(host, ...keeping(3));
      expect((await links(host)).size).toBe(3);
      expect(await json(host, 'ps')).toEqual([]);
      expect(await json(host, 'gc')).toMatchObject({ removed: [], mended: [] });
      await full(host, 3);
      expect(await json(host, 'warm', '--stacks', '0')).toMatchObject({ pid, stacks: null });
      await until('all are gone', async () => (await links(host)).size === 0);
      expect(await json(host, ...keeping(25))).toMatchObject({ pid, stacks: { waiting: 25, size: 25 } });
      expect((await host.compart('warm', '--status')).stdout).toContain(', 25 of 25 stacks wait\n');
      await stop(host, pid);
      await until('the host is as it was', async () => {
        return JSON.stringify(await host.state()) === JSON.stringify(untouched);
      });
    }));

  it('one is taken by the next command of these rates, which finds everything as ever; and is replaced', () =>
    withStacks(2, async (host) => {
      const waiting = await links(host);
      const seen = host.compart('run', '--name', 'web', ...RATE, '--', ...untilTold(sandbox.current));
      await runs(host, 'web');
      const { subsystems } = await json<Net>(host, 'inspect', 'web');
      expect(subsystems.net).toMatchObject({
        enforced: true,
        limits: { rxLimitBps: 10_000_000, txLimitBps: 5_000_000 },
        stats: { address: '10.210.0.2' },
      });
      const inside = (...words: string[]): Promise<Answer> => host.compart('exec', 'web', '--', ...words);
      const { index, address } = await whereOf(inside('sh', '-c', WHERE));
      expect({ link: waiting.get(index), address }).toEqual({ link: 'compart2', address: '10.210.0.2' });
      expect((await inside('tc', 'qdisc', 'show', 'dev', 'eth0', 'root')).stdout).toContain('rate 5Mbit');
      expect((await host.run(['tc', 'qdisc', 'show', 'dev', 'compart2', 'root'])).stdout).toContain(
        'rate 10Mbit',
      );
      expect((await inside('getent', 'hosts', 'web')).stdout).toContain('fd63:');
      expect(await inside('ping', '-c1', '-W2', 'host.compart.internal')).toMatchObject({ status: 0 });
      // Those that wait are strangers to it as those that are taken are.
      expect((await inside('ping', '-c1', '-W1', '10.210.0.3')).status).not.toBe(0);
      await full(host, 2);
      tell(sandbox.current);
      expect(await seen).toMatchObject({ status: 0, stderr: '' });
      expect((await status(host)).planned).toBe(6);
    }));

  it('count from zero for the command that takes one', () =>
    withStacks(1, async (host) => {
      const pings = ['ping', '-c20', '-i0.01', '-W2', '10.210.0.2'];
      expect(await host.run(pings)).toMatchObject({ status: 0 });
      expect(await host.compart('run', ...RATE, '--', 'true')).toMatchObject({ status: 0, stderr: '' });
      const [last] = await json<Array<{ stats: { net: NetCounters } }>>(host, 'history');
      const { rxPackets, txPackets, ...net } = last?.stats.net ?? { rxPackets: -1, txPackets: -1 };
      expect(net).toMatchObject({ rxLimitBps: 10_000_000, txLimitBps: 5_000_000 });
      // The kernel may say something of its own about IPv6 while the command runs.
      for (const packets of [rxPackets, txPackets]) {
        expect(packets).toBeGreaterThanOrEqual(0);
        expect(packets).toBeLessThan(10);
      }
    }));

  it('hold what goes through them to the rate', () =>
    withStacks(1, async (host) => {
      const BYTES = 1_000_000;
      const SERVER = `
import socket
s = socket.create_server(("0.0.0.0", 8099)); print("ready", flush=True)
while True:
    peer, _ = s.accept(); peer.sendall(bytes(${BYTES})); peer.close()
`;
      const CLIENT = `
import socket, time
peer = socket.create_connection(("host.compart.internal", 8099)); began = time.time(); size = 0
while (part := peer.recv(65536)): size += len(part)
print(size, time.time() - began)
`;
      await host.serve(['python3', '-c', SERVER]);
      const { stdout } = await host.compart('run', ...RATE, '--', 'python3', '-c', CLIENT);
      const [size = 0, seconds = 0] = stdout.split(' ').map(Number);
      expect(size).toBe(BYTES);
      // One burst may go at once; nothing says how slow a busy machine may be.
      expect(seconds).toBeGreaterThan(0.9 * ((BYTES * 8) / 10e6));
    }));

  it('have a name server on the loopback of the host answered for, while it is the one that was found', () =>
    withStacks(
      2,
      async (host) => {
        await host.serve(['python3', '-c', NAME_SERVER, '127.0.0.53']);
        const lookUp = ['python3', '-c', 'import socket; print(socket.gethostbyname("some.example"))'];
        const waiting = await links(host);
        const script = `${WHERE}; ${lookUp.slice(0, 2).join(' ')} '${lookUp[2]}'`;
        const run = (): Promise<Answer> => host.compart('run', ...RATE, '--', 'sh', '-c', script);
        const [index = '', , name] = (await run()).stdout.split('\n');
        expect({ taken: waiting.get(index), name }).toEqual({ taken: 'compart2', name: '203.0.113.9' });
        await full(host, 2);
        const later = await links(host);
        await host.serve(['python3', '-c', NAME_SERVER, '127.0.0.54']);
        await host.run(['sh', '-c', 'echo nameserver 127.0.0.54 > /etc/resolv.conf']);
        const [other = '', , found] = (await run()).stdout.split('\n');
        expect({ taken: later.get(other), found }).toEqual({ taken: undefined, found: '203.0.113.9' });
      },
      { resolver: 'nameserver 127.0.0.53\n' },
    ));

  it('12 commands at once: those that find none have theirs made, and no two have the same', () =>
    withStacks(4, async (host) => {
      const here = `${sandbox.current.dir}/here`;
      const words = `${WHERE}; echo >> ${here}; until [ "$(wc -l < ${here})" = 12 ]; do sleep 0.1; done`;
      const command = ['run', ...RATE, '--', 'sh', '-c', words];
      const places = await Promise.all(Array.from({ length: 12 }, () => whereOf(host.compart(...command))));
      expect(new Set(places.map(({ address }) => address)).size).toBe(12);
      await full(host, 4);
      expect(await json(host, 'ps')).toEqual([]);
    }));

  it.each([
    ['another rate', ['--net', '20mbit'], false],
    ['no limit', ['--net', 'max'], false],
    ['a list of what it may reach', [...RATE, '--allow', '192.0.2.0/24'], false],
    ['no network', ['--net', 'none'], false],
    ['the same rate in other words', ['--net', '10000kbit/5000kbit'], true],
    ['a port', [...RATE, '--publish', '18093:80'], true],
    ['other limits too', [...RATE, '--mem', '64M', '--cpu', '50%'], true],
  ])('a command with %s', (_what, flags, takes) =>
    withStacks(1, async (host) => {
      const [index = ''] = (await links(host)).keys();
      const { status: ended, stdout } = await host.compart(
        'run',
        ...flags,
        '--',
        'sh',
        '-c',
        `${WHERE}; true`,
      );
      expect(ended).toBe(0);
      expect(stdout.split('\n')[0] === index).toBe(takes);
      await full(host, 1);
      expect([...(await links(host)).keys()].includes(index)).toBe(!takes);
    }),
  );

  it('of another kind take the place of those that waited, and are taken by other commands', () =>
    withStacks(1, async (host) => {
      const former = await links(host);
      const other = ['--net', '20mbit'];
      expect(await json(host, 'warm', '--stacks', '1', ...other)).toMatchObject({
        stacks: { waiting: 1, size: 1 },
      });
      await until('the former are gone', async () =>
        [...(await links(host)).keys()].every((index) => !former.has(index)),
      );
      const waiting = await links(host);
      const script = `${WHERE}; tc qdisc show dev eth0 root`;
      const { stdout } = await host.compart('run', ...other, '--', 'sh', '-c', script);
      expect(waiting.has(stdout.split('\n')[0] ?? '')).toBe(true);
      expect(stdout).toContain('rate 20Mbit');
    }));

  it('lead to a published port', () =>
    withStacks(1, async (host) => {
      const SERVE = `
import socket
s = socket.create_server(("0.0.0.0", 80)); print("ready", flush=True)
while True:
    peer, _ = s.accept(); peer.sendall(b"inside"); peer.close()
`;
      await host.serve([
        'sh',
        '-c',
        'exec "$@"',
        'sh',
        process.cwd() + '/bin/compart',
        ...['run', ...RATE, '--publish', '18094:80', '--', 'python3', '-c', SERVE],
      ]);
      const ASK = 'import socket; print(socket.create_connection(("127.0.0.1", 18094)).recv(100).decode())';
      expect(await host.run(['python3', '-c', ASK])).toMatchObject({ stdout: 'inside\n' });
      const [row] = await json<Array<{ name: string }>>(host, 'ps');
      expect(await host.compart('rm', '--force', row?.name ?? '')).toMatchObject({ status: 0 });
    }));

  it('go with the command whose port is taken, and are replaced', () =>
    withStacks(1, async (host) => {
      const [index = ''] = (await links(host)).keys();
      const TAKE = `
import socket, time
s = socket.create_server(("127.0.0.1", 18095)); print("ready", flush=True); time.sleep(600)
`;
      await host.serve(['python3', '-c', TAKE]);
      const refused = await host.compart('run', ...RATE, '--publish', '18095:80', '--', 'true');
      expect(refused).toMatchObject({ status: 125, stdout: '' });
      expect(refused.stderr).toContain('the port is taken');
      await full(host, 1);
      expect([...(await links(host)).keys()]).not.toContain(index);
      expect(await json(host, 'ps')).toEqual([]);
    }));

  it.each([
    ['the table', 'nft flush ruleset'],
    ['a chain', 'nft flush chain inet compart forward'],
    ['a shaper', 'tc qdisc del dev compart2 root'],
    ['a link', 'ip link del compart2'],
    ['a namespace', 'ip netns del compart2'],
  ])('are given to nobody once somebody took %s away', (_what, command) =>
    withStacks(2, async (host) => {
      const waiting = await links(host);
      expect(await host.run(['sh', '-c', command])).toMatchObject({ status: 0, stderr: '' });
      const run = host.compart('run', '--name', 'web', ...RATE, '--', ...untilTold(sandbox.current));
      await runs(host, 'web');
      expect((await json<Net>(host, 'inspect', 'web')).subsystems.net).toMatchObject({ enforced: true });
      const { index } = await whereOf(host.compart('exec', 'web', '--', 'sh', '-c', WHERE));
      expect([...waiting.keys()]).not.toContain(index);
      tell(sandbox.current);
      expect(await run).toMatchObject({ status: 0, stderr: '' });
      await full(host, 2);
      expect([...(await links(host)).keys()].filter((each) => waiting.has(each))).toEqual([]);
    }),
  );
});

describe('what no stack that waits can have', () => {
  it.each([
    [['--stacks', 'many', ...RATE], '--stacks: "many" is no number of stacks'],
    [['--stacks', '101', ...RATE], '--stacks: 101 are more than are kept'],
    [['--stacks', '2'], '--stacks: of which rates?'],
    [['--stacks', '2', '--net', 'none'], '--net: none: not of stacks that wait'],
    [['--stacks', '2', '--net', 'host'], '--net: host: not of stacks that wait'],
    [['--stacks', '2', '--net', 'fast'], '--net: "fast"'],
    [['--stacks', '2', ...RATE, '--publish', '8080:80'], '--publish: not of stacks that wait'],
    [['--stacks', '2', ...RATE, '--allow', '192.0.2.1'], '--allow: not of stacks that wait'],
    [['--stacks', '2', ...RATE, '--mem', '64M'], '--mem: of guests, and none are asked for'],
  ])('compart warm %j', async (flags, message) => {
    const answer = await sandbox.current.compart(['warm', ...flags]);
    expect(answer).toMatchObject({ status: 2, stdout: '' });
    expect(answer.stderr).toContain(message);
    expect(await sandbox.current.compart(['warm', '--status'])).toMatchObject({ status: 1 });
  });
});
