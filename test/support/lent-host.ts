import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from '@jest/globals';
import { execa, type Options, type ResultPromise } from 'execa';
import { until } from './programs.js';
import { COMPART, type Answer, type Sandbox } from './sandbox.js';

/** The addresses of a lent host, beside those of its loopback. */
export const LENT_ADDRESS = '198.51.100.2';
export const LENT_ADDRESS6 = '2001:db8:51::2';
/** Where its default route leads. */
export const WORLD_ADDRESS = '198.51.100.1';
export const WORLD_ADDRESS6 = '2001:db8:51::1';

/**
 * A network namespace that stands for a host, with a /run and a resolv.conf of its own: what compart makes of the
 * network is made there, and the machine that runs the tests is not touched. Its default routes lead nowhere, or to a
 * namespace called `world`.
 */
const SETUP = `
set -e
mount -t tmpfs -o mode=755 lent-run /run
mkdir /run/netns
cp /etc/resolv.conf /run/resolv.conf
if [ -n "$2" ]; then mknod /run/tun c 10 200 && chmod "$2" /run/tun && mount --bind /run/tun /dev/net/tun; fi
printf %s "$1" > /run/resolv.conf
mount --bind /run/resolv.conf "$(readlink -f /etc/resolv.conf)"
ip link set lo up
ip link add cntest0 type veth peer name cntest1
ip addr add ${LENT_ADDRESS}/24 dev cntest0
ip addr add ${LENT_ADDRESS6}/64 dev cntest0 nodad
ip link set cntest0 up
if [ -n "$3" ]; then
  ip netns add world
  ip link set cntest1 netns world
  ip -n world addr add ${WORLD_ADDRESS}/24 dev cntest1
  ip -n world addr add ${WORLD_ADDRESS6}/64 dev cntest1 nodad
  ip -n world link set cntest1 up
else
  ip link set cntest1 up
fi
ip route add default via ${WORLD_ADDRESS} dev cntest0
ip route add default via ${WORLD_ADDRESS6} dev cntest0
echo ready
exec setpriv --pdeathsig KILL sleep 600
`;

export interface LentOptions {
  /** Text of its /etc/resolv.conf. */
  resolver?: string;
  /** Mode of a /dev/net/tun of its own; left out, it is the machine's. */
  tun?: string;
  /** Is somebody at {@link WORLD_ADDRESS} and {@link WORLD_ADDRESS6}? */
  world?: boolean;
}

export class LentHost {
  readonly #holder: ChildProcess;
  readonly #env: Record<string, string>;
  readonly #started: ResultPromise[] = [];

  constructor(holder: ChildProcess, env: Record<string, string>) {
    this.#holder = holder;
    this.#env = env;
  }

  /** Words before a command that is to run on it. */
  get enter(): string[] {
    return ['nsenter', '--target', String(this.#holder.pid), '--net', '--mount', '--'];
  }

  /** Starts a command on it; killed at the latest when the host is taken away. */
  start(argv: readonly string[], options: Options = {}): ResultPromise {
    // Not even a test that was ended in its midst leaves anything running.
    const words = ['--pdeathsig', 'KILL', ...this.enter, ...argv];
    const started = execa('setpriv', words, {
      reject: false,
      stdin: 'ignore',
      stripFinalNewline: false,
      ...options,
      env: { ...this.#env, ...options.env },
    }) as unknown as ResultPromise;
    this.#started.push(started);
    return started;
  }

  /** Runs a command on it. */
  async run(argv: readonly string[], options: Options = {}): Promise<Answer> {
    const { exitCode, stdout, stderr } = await this.start(argv, options);
    return { status: exitCode ?? -1, stdout: String(stdout ?? ''), stderr: String(stderr ?? '') };
  }

  compart(...args: string[]): Promise<Answer> {
    return this.run([COMPART, ...args]);
  }

  /** Starts what says a first line when it is ready, and waits for that. */
  async serve(argv: readonly string[], options: Options = {}): Promise<void> {
    const server = this.start(argv, options);
    await Promise.race([
      once(server.stdout!, 'data'),
      server.then((ended) => {
        throw new Error(`${argv[0]} ended: ${String(ended.stderr)}`);
      }),
    ]);
  }

  /** What of compart's is in its network, and which links hand packets on. */
  async state(): Promise<Record<string, string>> {
    const { stdout } = await this.run([
      'sh',
      '-c',
      'ip -brief link | cut -d" " -f1; ip netns list; nft list tables; grep -H . /proc/sys/net/ipv[46]/conf/*/*forwarding /proc/sys/net/ipv6/conf/*/accept_ra; ls -A /run/compart/network/*/* 2>/dev/null; true',
    ]);
    return Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => [line.split(':')[0] ?? '', line]),
    );
  }

  async end(): Promise<void> {
    for (const started of this.#started) started.kill('SIGKILL');
    await Promise.all(this.#started);
    const { exitCode, signalCode } = this.#holder;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await ended;
  }
}

/** Waits until it says so, or has ended. */
const isUp = (holder: ChildProcess): Promise<boolean> =>
  new Promise((resolve) => {
    holder.stdout?.once('data', () => resolve(true));
    holder.once('exit', () => resolve(false));
  });

/** Lends a host to a test, which must leave it as it was. */
export async function withLentHost(
  sandbox: Sandbox,
  use: (host: LentHost) => Promise<void>,
  {
    resolver = 'nameserver 192.0.2.53\noptions timeout:1 attempts:1\n',
    tun = '',
    world = false,
  }: LentOptions = {},
): Promise<void> {
  const args = [
    '--net',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    SETUP,
    'sh',
    resolver,
    tun,
    world ? 'world' : '',
  ];
  const holder = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const host = new LentHost(holder, sandbox.env);
  try {
    if (!(await isUp(holder))) throw new Error('the lent host could not be set up: see above');
    const before = await host.state();
    await use(host);
    // The kernel takes a link away after its namespace, an RCU grace period later.
    let after: Record<string, string> = {};
    await until(
      'nothing of compart’s is left',
      async () => {
        after = await host.state();
        return JSON.stringify(after) === JSON.stringify(before);
      },
      5000,
    ).catch(() => expect(after).toEqual(before));
  } finally {
    await host.end();
  }
}
