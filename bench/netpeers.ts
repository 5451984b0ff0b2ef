import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { parseIperf } from '../test/support/iperf.js';
import { median } from './table.js';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 21);
const HUNDRED = 100;
const SETTLE_MS = 5000;
const LINK = 'cbench';

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

/** TCP goodput in bit/s over a pair of links that nobody shapes, filters or forwards. */
export async function bareLink(seconds: number): Promise<{ down: number; up: number }> {
  await makeLink('');
  try {
    const run = async (...flags: string[]): Promise<number> => {
      const server = execa('iperf3', ['-s', '-1', '-p', '5499', '-B', '10.97.0.1'], { stdout: 'ignore' });
      await delay(300);
      const client = ['iperf3', '-c', '10.97.0.1', '-p', '5499', '-t', String(seconds), '-J', ...flags];
      const { stdout } = await execa('ip', ['netns', 'exec', LINK, ...client]);
      await server;
      return parseIperf(stdout).mbit * 1e6;
    };
    return { down: await run('-R'), up: await run() };
  } finally {
    await dropLink('');
  }
}

/** Namespace, links, addresses, two shapers, `true`, and all away again, as one would by hand. */
async function byHand(id: string): Promise<void> {
  await makeLink(id);
  const shaper = ['root', 'tbf', 'rate', '10mbit', 'burst', '6250b', 'latency', '50ms'];
  await execa('tc', ['qdisc', 'add', 'dev', `${LINK}${id}`, ...shaper]);
  await execa('tc', ['-n', `${LINK}${id}`, 'qdisc', 'add', 'dev', 'eth0', ...shaper]);
  await execa('ip', ['netns', 'exec', `${LINK}${id}`, 'true']);
  await dropLink(id);
}

const limits = ['--mem', '64M', '--cpu', '50%', '--pids', '100'];
const compart = (...flags: string[]) => execa('bin/compart', ['run', ...limits, ...flags, '--', 'true']);
const image = ['--memory', '64m', '--cpus', '0.5', 'localhost/compart-bench', '/bin/true'];

const WAYS: ReadonlyArray<readonly [string, (id: string) => Promise<unknown>]> = [
  ['compart run, no network', () => compart()],
  ['compart run --net none', () => compart('--net', 'none')],
  ['compart run --net max', () => compart('--net', 'max')],
  ['compart run --net 10mbit', () => compart('--net', '10mbit')],
  ['`ip` and `tc` by hand, no limits but the rate', byHand],
  ['docker run, bridge', () => execa('docker', ['run', '--rm', ...image])],
  // In a network namespace of its own: what podman makes of the host's network it leaves there.
  [
    'podman run, bridge',
    () => execa('unshare', ['--net', 'podman', 'run', '--rm', '--network=bridge', ...image]),
  ],
];

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** When the command itself begins, in milliseconds from the call. */
async function untilStart(...flags: string[]): Promise<number> {
  const asked = Date.now();
  const { stdout } = await execa('bin/compart', ['run', ...limits, ...flags, '--', 'date', '+%s%N']);
  return Number(BigInt(stdout) / 1000n) / 1000 - asked;
}

/** What is missing: the first line of the program's own words, or that there is no such program. */
function whyNot(error: unknown): string {
  const { code, stderr } = error as { code?: string; stderr?: unknown };
  if (code === 'ENOENT') return 'not installed';
  const said = typeof stderr === 'string' ? stderr.trim().split('\n')[0] : undefined;
  return said === undefined || said === '' ? (String(error).split('\n')[0] ?? '') : said.replace(/\.$/, '');
}

/** A table: one of each, from call to end, and a hundred at once where one works. */
export async function launchTimes(): Promise<string[]> {
  const rows: string[] = [];
  const absent: string[] = [];
  let id = 0;
  // A number each: the kernel takes the link of the one before away in its own time.
  const next = (way: (id: string) => Promise<unknown>): Promise<unknown> => way(String((id += 1)));
  for (const [name, way] of WAYS) {
    try {
      await next(way);
    } catch (error) {
      absent.push(`${name}: ${whyNot(error)}`);
      continue;
    }
    const one: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      one.push(await time(() => next(way)));
      await delay(50);
    }
    const all = await time(() => Promise.all(Array.from({ length: HUNDRED }, () => next(way))));
    // The kernel goes on taking links away.
    await delay(SETTLE_MS);
    rows.push(`| ${name} | ${median(one).toFixed(1)} | ${Math.round(all)} |`);
  }
  const starts = { without: [] as number[], shaped: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    starts.without.push(await untilStart());
    starts.shaped.push(await untilStart('--net', '10mbit'));
    await delay(50);
  }
  const added = median(starts.shaped) - median(starts.without);
  return [
    '| as root, from call to end | one, ms | a hundred at once, ms |',
    '|---|---|---|',
    ...rows,
    '',
    `Of one \`--net 10mbit\`, ${added.toFixed(1)} ms come before the command begins; the rest is taking the stack away.`,
    ...absent.map((why) => `Not measured: ${why}.`),
  ];
}
