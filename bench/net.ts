import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { machine } from './machine.js';
import { callers, flow, type Caller } from './netcall.js';
import { bareLink, slirpAlone, type BothWays } from './netpeers.js';
import { launchTimes } from './nettimes.js';
import { writeTopic } from './page.js';
import { median } from './table.js';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4);
const RATES = [1, 10, 100, 1000];
const NAME = 'bench';

const mbit = (bps: number, asked: number): string => {
  const value = bps / 1e6;
  const off = (value / asked - 1) * 100;
  return `${value.toPrecision(4)} (${off >= 0 ? '+' : '−'}${Math.abs(off).toFixed(1)}%)`;
};

const load = ({ compart }: Caller, net: string): Promise<string> =>
  compart('load', 'net', '--name', NAME, '--net', net);
const remove = ({ compart }: Caller): Promise<string> => compart('rm', '--force', NAME);

/** One row a rate and direction: what passed the shaper, and what the program had of it. */
async function rates(who: Caller): Promise<string[]> {
  const rows: string[] = [];
  for (const rate of RATES) {
    await load(who, `${rate}mbit`);
    for (const direction of ['down', 'up'] as const) {
      const flags = direction === 'down' ? ['-R'] : [];
      const link = direction === 'down' ? 'rx' : 'tx';
      const tcp = await flow(who, NAME, SECONDS, ...flags);
      const udp = await flow(who, NAME, SECONDS, ...flags, '-u', '-b', `${rate * 2}M`, '-l', '1448');
      const share = `${(tcp.goodput / rate / 1e4).toFixed(1)}%`;
      rows.push(
        `| ${rate} mbit ${direction} | ${who.name} | ${mbit(tcp[link], rate)} | ${share} | ${mbit(udp[link], rate)} |`,
      );
    }
    await remove(who);
  }
  return rows;
}

/** Round trips through a stack of 10 mbit whose download is full, in milliseconds. */
async function pings(who: Caller): Promise<string> {
  await load(who, '10mbit');
  const busy = flow(who, NAME, 6, '-R');
  await delay(2500);
  const gateway = /default via (\S+)/.exec(await who.compart('exec', NAME, '--', 'ip', 'route'))?.[1] ?? '';
  const said = await who.compart('exec', NAME, '--', 'ping', '-c', '40', '-i', '0.1', gateway);
  await busy;
  await remove(who);
  const times = [...said.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time));
  return `| ping while a 10 mbit download is full | ${who.name} | median ${median(times).toFixed(1)} ms, longest ${Math.max(...times).toFixed(1)} ms of ${times.length} |`;
}

async function bothWays(who: Caller): Promise<string> {
  await load(who, '10mbit/5mbit');
  const both = await flow(who, NAME, SECONDS, '--bidir');
  await remove(who);
  return `| 10mbit/5mbit, both at once | ${who.name} | down ${mbit(both.rx, 10)}, up ${mbit(both.tx, 5)} |`;
}

/** Without a limit, beside what the same path gives without compart. */
async function unshaped(who: Caller, others: ReadonlyArray<readonly [string, BothWays]>): Promise<string[]> {
  await load(who, 'max');
  const down = (await flow(who, NAME, SECONDS, '-R')).goodput;
  const up = (await flow(who, NAME, SECONDS)).goodput;
  await remove(who);
  const gbit = (bps: number): string => `${(bps / 1e9).toFixed(1)} Gbit/s`;
  const share = (bps: number, of: number): string => `${gbit(bps)} (${Math.round((bps / of) * 100)}%)`;
  return others.map(
    ([name, other]) =>
      `| \`--net max\`, of ${name} (down ${gbit(other.down)}, up ${gbit(other.up)}) | ${who.name} | down ${share(down, other.down)}, up ${share(up, other.up)} |`,
  );
}

/** The host's first address that is not on its loopback: what `host.compart.internal` is without root. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '';
}

/** Accuracy of the rates, round trips, throughput, and the time that a stack takes. */
export async function net(): Promise<void> {
  const who = callers();
  try {
    const table: string[] = [];
    const others: string[] = [];
    const [root, user] = who;
    for (const one of who) table.push(...(await rates(one)));
    const bare = ['a bare veth', await bareLink(SECONDS)] as const;
    const slirp = ['slirp4netns alone', await slirpAlone(SECONDS, ownAddress())] as const;
    for (const one of who) {
      const beside = one === root ? [bare] : [bare, slirp];
      others.push(await pings(one), await bothWays(one), ...(await unshaped(one, beside)));
    }
    const control = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim();
    const lines = [
      `\`npm run bench -- net\` on ${machine()}; iperf3 in the stack against the host, ${SECONDS} s each, TCP by ${control}. ` +
        'The link rate is what the shaper let pass, headers included; UDP is offered at twice the rate.',
      '',
      '| asked | as | TCP, link rate in Mbit/s | goodput | UDP, link rate in Mbit/s |',
      '|---|---|---|---|---|',
      ...table,
      '',
      '| | as | |',
      '|---|---|---|',
      ...others,
      '',
      ...(await launchTimes(user)),
    ];
    writeTopic('net', lines, {});
  } finally {
    // The installation of the last is in the folder of the first.
    for (const one of who.reverse()) await one.end();
  }
}
