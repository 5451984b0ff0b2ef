import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect } from '@jest/globals';
import { parseIperf } from '../support/iperf.js';
import { ratesThroughSet } from '../support/live.js';
import { withLentHost, type LentHost, type LentOptions } from '../support/lent-host.js';
import { AS_USER, delegate, runningAs, settle, takeBack, UID } from '../support/ordinary-user.js';
import { NAME_SERVER } from '../support/name-server.js';
import { pathWithout } from '../support/path.js';
import { until } from '../support/programs.js';
import { HANDS_OVER, requires } from '../support/requires.js';
import { useSandbox, type Answer } from '../support/sandbox.js';
import { gone } from '../support/service.js';
import type { ErrorAnswer } from '../support/shapes.js';

const sandbox = useSandbox();
const NEEDS = ['root', HANDS_OVER, 'setpriv', 'unshare', 'nsenter', 'nft', 'iperf3', 'user-namespaces'];
const withSlirp = requires(...NEEDS, 'slirp4netns', 'ping');
/** Where both ends and what carries between them share a CPU, it is the CPU that is measured. */
const withRates = requires(...NEEDS, 'slirp4netns', 'two-cpus');
const withPasta = requires(...NEEDS, 'pasta');

/** An ordinary user of a lent host; env.COMPART_STATE and the group are its own, not the sandbox's. */
class User {
  readonly #host: LentHost;
  readonly #program: string;
  readonly #env: Record<string, string>;

  constructor(host: LentHost, path: string | null) {
    this.#host = host;
    const { program, env } = settle(sandbox.current);
    this.#program = program;
    this.#env = { ...env, COMPART_STATE: '', COMPART_CGROUP: '', ...(path === null ? {} : { PATH: path }) };
  }

  start(...args: string[]): ReturnType<LentHost['start']> {
    return this.#host.start([...AS_USER, this.#program, ...args], { env: this.#env });
  }

  compart(...args: string[]): Promise<Answer> {
    return this.#host.run([...AS_USER, this.#program, ...args], { env: this.#env });
  }
}

async function withUser(
  use: (user: User, host: LentHost) => Promise<void>,
  options: LentOptions & { path?: string } = {},
): Promise<void> {
  await withLentHost(
    sandbox.current,
    async (host) => {
      delegate();
      const user = new User(host, options.path ?? null);
      try {
        await use(user, host);
        await user.compart('gc');
        // The router's end is the uplink's, which takes its time.
        await until('no process of the user is left', () => runningAs(UID).length === 0, 5000);
      } finally {
        const { stdout } = await user.compart('ps', '--json');
        for (const { name } of JSON.parse(stdout) as Array<{ name: string }>)
          await user.compart('rm', '--force', name);
      }
    },
    { tun: '666', ...options },
  );
}

afterEach(() => {
  expect(takeBack()).toEqual([]);
});

/** What a stack is told of a name by the one server that its host names, which listens on its loopback only. */
async function lookUp(user: User, host: LentHost): Promise<string> {
  await host.serve(['python3', '-c', NAME_SERVER, '127.0.0.53']);
  const script = 'import socket; print(socket.gethostbyname("some.example"))';
  const { stdout, stderr } = await user.compart('run', '--net', '10mbit', '--', 'python3', '-c', script);
  return stdout + stderr;
}
const STUB = 'nameserver 127.0.0.53\noptions edns0\n';

/** Megabits a second that arrive inside within some seconds. */
async function download(user: User, host: LentHost, rate: string, port: string): Promise<number> {
  void host.start(['iperf3', '-s', '-1', '-p', port]);
  await delay(300);
  const words = ['iperf3', '-c', 'host.compart.internal', '-p', port, '-t', '4', '-O', '1', '-J', '-R'];
  const { stdout, stderr } = await user.compart('run', '--net', rate, '--', ...words);
  if (stdout === '') throw new Error(stderr);
  return parseIperf(stdout).mbit;
}

describe('an ordinary user without slirp4netns', () => {
  withPasta('has pasta for the way out, at 10 Mbit/s likewise', () =>
    withUser(
      async (user, host) => {
        const mbit = await download(user, host, '10mbit', '5341');
        process.stderr.write(`10mbit down, without root, pasta: ${mbit.toFixed(2)} Mbit/s\n`);
        expect(mbit).toBeGreaterThan(9);
        expect(mbit).toBeLessThan(10.3);
        await user.compart('load', 'net', '--name', 'seen', '--net', '10mbit');
        expect((await user.compart('inspect', 'seen')).stdout).toContain('"uplink": "pasta"');
        expect((await user.compart('rm', 'seen')).status).toBe(0);
      },
      { path: pathWithout(sandbox.current.dir, 'slirp4netns') },
    ),
  );

  withPasta('has names looked up by a server on the host’s 127.0.0.53, by way of pasta', () =>
    withUser(async (user, host) => expect(await lookUp(user, host)).toBe('203.0.113.9\n'), {
      path: pathWithout(sandbox.current.dir, 'slirp4netns'),
      resolver: STUB,
    }),
  );

  withPasta('and without pasta is told so, and what mends it', () =>
    withUser(
      async (user) => {
        const { status, stdout, stderr } = await user.compart('run', '--net', '10mbit', '--', 'echo', 'ran');
        expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
        expect(stderr).toContain('a way out needs slirp4netns or pasta, and neither is installed');
        expect(stderr).toContain('apt-get install slirp4netns');
      },
      { path: pathWithout(sandbox.current.dir, 'slirp4netns', 'pasta') },
    ),
  );
});

describe('an ordinary user with slirp4netns', () => {
  withRates('sees set --net change the rate of a connection that lives, up and down', () =>
    withUser(async (user, host) => {
      const rates = await ratesThroughSet(
        host,
        {
          compart: (...args) => user.compart(...args),
          start: (...args) => user.start(...args),
        },
        5342,
      );
      process.stderr.write(
        `set --net 5, 50, 5mbit without root: ${rates.map((rate) => rate.toFixed(2)).join(', ')} Mbit/s\n`,
      );
      const [before, during, after] = rates;
      expect(before).toBeGreaterThan(4.2);
      expect(before).toBeLessThan(5.3);
      expect(during).toBeGreaterThan(40);
      expect(during).toBeLessThan(51);
      expect(after).toBeGreaterThan(3.5);
      expect(after).toBeLessThan(5.3);
    }),
  );

  withSlirp(
    'takes a stack that waits behind its router, and gc those that wait when the service was killed',
    () =>
      withUser(async (user) => {
        const service = await user.compart('warm', '--stacks', '2', '--net', '10mbit', '--json');
        const { pid, stacks } = JSON.parse(service.stdout) as { pid: number; stacks: object };
        try {
          expect(stacks).toEqual({ waiting: 2, size: 2 });
          const script = 'id -u; ip -o -4 addr show eth0; getent hosts host.compart.internal';
          const { status, stdout } = await user.compart('run', '--net', '10mbit', '--', 'sh', '-c', script);
          expect({ status, stdout }).toEqual({
            status: 0,
            stdout: expect.stringMatching(new RegExp(`^${UID}\\n.*10\\.210\\.0\\.2 `)),
          });
          expect((await user.compart('warm', '--status')).stdout).toContain(' 1 planned');
        } finally {
          process.kill(pid, 'SIGKILL');
          await gone(pid);
        }
        expect((await user.compart('gc')).stdout).toContain('waiting stack');
      }),
  );

  withSlirp('has names looked up by a server on the host’s 127.0.0.53', () =>
    withUser(async (user, host) => expect(await lookUp(user, host)).toBe('203.0.113.9\n'), {
      resolver: STUB,
    }),
  );

  withRates('slows a connection that was made at 1000mbit to 20mbit, and gives it back what it had', () =>
    withUser(async (user, host) => {
      const rates = await ratesThroughSet(
        host,
        { compart: (...args) => user.compart(...args), start: (...args) => user.start(...args) },
        5343,
        ['1000mbit', '20mbit', '1000mbit'],
      );
      process.stderr.write(
        `set --net 1000, 20, 1000mbit without root: ${rates.map((rate) => rate.toFixed(2)).join(', ')} Mbit/s\n`,
      );
      const [before, during, after] = rates;
      expect(before).toBeGreaterThan(200);
      expect(during).toBeGreaterThan(18);
      expect(during).toBeLessThan(20.6);
      expect(after).toBeGreaterThan(200);
    }),
  );

  withSlirp(
    'has pings of less than 20 ms beside a full download of 10 mbit, and both directions at once in full',
    () =>
      withUser(async (user, host) => {
        await user.compart('load', 'net', '--name', 'full', '--net', '10mbit/5mbit');
        void host.start(['iperf3', '-s', '-1', '-p', '5344']);
        await delay(300);
        const words = ['-c', 'host.compart.internal', '-p', '5344', '-t', '7', '--bidir'];
        const busy = user.start('exec', 'full', '--', 'iperf3', ...words);
        await delay(2000);
        const readings = async (): Promise<{ rxBytes: number; txBytes: number; at: number }> => {
          const { stdout } = await user.compart('stats', 'full', '--json');
          const [{ net } = { net: { rxBytes: 0, txBytes: 0 } }] = JSON.parse(stdout) as Array<{
            net: { rxBytes: number; txBytes: number };
          }>;
          return { ...net, at: performance.now() };
        };
        const before = await readings();
        const pinged = await user.compart(
          'exec',
          'full',
          '--',
          'ping',
          '-c',
          '30',
          '-i',
          '0.1',
          '10.210.0.1',
        );
        const after = await readings();
        await busy;
        const times = [...pinged.stdout.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time));
        const median = times.sort((one, other) => one - other)[Math.floor(times.length / 2)];
        const rate = (key: 'rxBytes' | 'txBytes'): number =>
          ((after[key] - before[key]) * 8) / (after.at - before.at) / 1000;
        process.stderr.write(
          `10mbit/5mbit, both full: ${rate('rxBytes').toFixed(2)} down, ${rate('txBytes').toFixed(2)} up, ping ${median} ms\n`,
        );
        expect(times.length).toBeGreaterThan(25);
        expect(median).toBeLessThan(20);
        expect(rate('rxBytes')).toBeGreaterThan(9.3);
        expect(rate('txBytes')).toBeGreaterThan(4.6);
        expect((await user.compart('rm', '--force', 'full')).status).toBe(0);
      }),
  );

  withSlirp('is told that there is no /dev/net/tun, and what mends it', () =>
    withUser(async (user, host) => {
      expect(await host.run(['mount', '-t', 'tmpfs', 'none', '/dev/net'])).toMatchObject({ status: 0 });
      const { status, stdout, stderr } = await user.compart('run', '--net', '10mbit', '--', 'echo', 'ran');
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
      expect(stderr).toContain('--net cannot be enforced on this host: there is no /dev/net/tun');
      expect(stderr).toContain('modprobe tun');
    }),
  );

  withSlirp('is refused a port below 1024, which only root may have, and nothing stays', () =>
    withUser(async (user) => {
      const words = ['run', '--json', '--net', 'max', '-p', '80:80', '--', 'echo', 'ran'];
      const { status, stdout, stderr } = await user.compart(...words);
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
      expect((JSON.parse(stderr) as ErrorAnswer).error).toMatchObject({
        code: 'ERR_COMPART_UNSUPPORTED',
        message: '--publish: cannot listen on 127.0.0.1:80: only root may have a port below 1024',
      });
      expect((await user.compart('ps', '--json')).stdout.trim()).toBe('[]');
    }),
  );

  withSlirp('publishes a port from 1024 on, which is reached from the host', () =>
    withUser(async (user, host) => {
      const server = ['python3', '-m', 'http.server', '80'];
      await user.compart('run', '-d', '--name', 'web', '--net', '10mbit', '-p', '18080:80', '--', ...server);
      const get = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', 'http://127.0.0.1:18080/'];
      await until('it answers', async () => (await host.run(get)).stdout === '200');
      expect((await user.compart('rm', '--force', 'web')).status).toBe(0);
      expect((await host.run(get)).stdout).toBe('000');
    }),
  );

  withSlirp('is told of a /dev/net/tun that it may not open, and nothing stays', () =>
    withUser(
      async (user) => {
        const { status, stdout, stderr } = await user.compart('run', '--net', '10mbit', '--', 'echo', 'ran');
        expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
        expect(stderr).toMatch(/\/dev\/net\/tun/);
      },
      { tun: '600' },
    ),
  );
});
