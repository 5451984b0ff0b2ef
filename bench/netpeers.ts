import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { parseIperf } from '../test/support/iperf.js';

const LINK = 'cbench';

/** Bits per second that TCP moved, each way. */
export interface BothWays {
  down: number;
  up: number;
}

const lines = (id: string): string[] => [
  `netns add ${LINK}${id}`,
  `link add ${LINK}${id} type veth peer name eth0 netns ${LINK}${id}`,
  `addr add 10.97.0.1 peer 10.97.0.2 dev ${LINK}${id}`,
  `link set ${LINK}${id} up`,
];
const inner = ['link set lo up', 'addr add 10.97.0.2 peer 10.97.0.1 dev eth0', 'link set eth0 up'];

const batch = (argv: string[], text: readonly string[]) =>
  execa('ip', [...argv, '-batch', '-'], { input: text.map((line) => `${line}\n`).join('') });

async function makeLink(id: string): Promise<void> {
  await batch([], lines(id));
  await batch(['-n', `${LINK}${id}`], inner);
}

const dropLink = (id: string) => execa('ip', ['netns', 'del', `${LINK}${id}`]);

const PORT = '5499';

/** Goodput of one connection to `address`, by words that enter where it comes from. */
async function bothWays(enter: readonly string[], address: string, seconds: number): Promise<BothWays> {
  const run = async (...flags: string[]): Promise<number> => {
    const server = execa('iperf3', ['-s', '-1', '-p', PORT], { stdout: 'ignore' });
    await delay(300);
    const [file, ...words] = [...enter, 'iperf3', '-c', address, '-p', PORT];
    const { stdout } = await execa(file, [...words, '-t', String(seconds), '-O', '1', '-J', ...flags]);
    await server;
    return parseIperf(stdout).mbit * 1e6;
  };
  return { down: await run('-R'), up: await run() };
}

/** Over a pair of links that nobody shapes, filters or forwards. */
export async function bareLink(seconds: number): Promise<BothWays> {
  await makeLink('');
  try {
    return await bothWays(['ip', 'netns', 'exec', LINK], '10.97.0.1', seconds);
  } finally {
    await dropLink('');
  }
}

/** Out of a namespace whose one link slirp4netns holds, started as compart starts it, with nothing of compart around. */
export async function slirpAlone(seconds: number, hostAddress: string): Promise<BothWays> {
  const holder = execa('unshare', ['--net', 'sleep', '120'], { reject: false });
  const pid = String(holder.pid);
  await delay(300);
  const words = ['--configure', '--mtu=65520', '--disable-host-loopback', pid, 'tap0'];
  const slirp = execa('slirp4netns', words, { reject: false, stdio: 'ignore' });
  try {
    await delay(700);
    return await bothWays(['nsenter', '--target', pid, '--net', '--'], hostAddress, seconds);
  } finally {
    slirp.kill();
    holder.kill();
    await Promise.all([slirp, holder]);
  }
}

/** Namespace, links, addresses, two shapers, `true`, and all away again, as one would by hand. */
export async function byHand(id: string): Promise<void> {
  await makeLink(id);
  const shaper = ['root', 'tbf', 'rate', '10mbit', 'burst', '6250b', 'latency', '50ms'];
  await execa('tc', ['qdisc', 'add', 'dev', `${LINK}${id}`, ...shaper]);
  await execa('tc', ['-n', `${LINK}${id}`, 'qdisc', 'add', 'dev', 'eth0', ...shaper]);
  await execa('ip', ['netns', 'exec', `${LINK}${id}`, 'true']);
  await dropLink(id);
}
