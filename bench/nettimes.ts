import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { Caller } from './netcall.js';
import { byHand } from './netpeers.js';
import { podmanUnder } from './podman.js';
import { median } from './table.js';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15);
const HUNDRED = 100;
const SETTLE_MS = 4000;
/** What podman makes of the host's network, its bridge, it makes in a namespace that goes with the bench. */
const PODMAN_NETNS = 'cbench-podman';

const limits = ['--mem', '64M', '--cpu', '50%', '--pids', '100'];
const { NODE_EXTRA_CA_CERTS: _unset, ...env } = process.env;
const compart = (...flags: string[]) =>
  execa('bin/compart', ['run', ...limits, ...flags, '--', 'true'], { env, extendEnv: false });

/** A way to start `true`; `id` is another number each time, as the kernel takes links away in its own time. */
interface Way {
  name: string;
  start: (id: string) => Promise<unknown>;
  /** How many at once are measured besides one. */
  atOnce: number;
}

const OWN: readonly Way[] = [
  { name: 'compart run, no network', start: () => compart(), atOnce: HUNDRED },
  { name: 'compart run --net none', start: () => compart('--net', 'none'), atOnce: HUNDRED },
  { name: 'compart run --net max', start: () => compart('--net', 'max'), atOnce: HUNDRED },
  { name: 'compart run --net 10mbit', start: () => compart('--net', '10mbit'), atOnce: HUNDRED },
  { name: '`ip` and `tc` by hand, no limits but the rate', start: byHand, atOnce: HUNDRED },
];

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** When the command itself begins, in milliseconds from the call. */
async function untilStart(...flags: string[]): Promise<number> {
  const asked = performance.timeOrigin + performance.now();
  const words = ['run', ...limits, ...flags, '--', 'date', '+%s%N'];
  const { stdout } = await execa('bin/compart', words, { env, extendEnv: false });
  return Number(BigInt(stdout) / 1000n) / 1000 - asked;
}

/** What is missing: the first line of the program's own words, or that there is no such program. */
function whyNot(error: unknown): string {
  const { code, stderr } = error as { code?: string; stderr?: unknown };
  if (code === 'ENOENT') return 'not installed';
  const said = typeof stderr === 'string' ? stderr.trim().split('\n')[0] : undefined;
  return said === undefined || said === '' ? (String(error).split('\n')[0] ?? '') : said.replace(/\.$/, '');
}

/** docker and podman with a bridge, where they work; why not, where they do not. */
async function others(): Promise<{ ways: Way[]; absent: string[] }> {
  const ways: Way[] = [];
  const absent: string[] = [];
  const image = ['--memory', '64m', 'localhost/compart-bench', '/bin/true'];
  try {
    await execa('docker', ['run', '--rm', ...image]);
    ways.push({ name: 'docker run', start: () => execa('docker', ['run', '--rm', ...image]), atOnce: 0 });
  } catch (error) {
    absent.push(`docker run: ${whyNot(error)}`);
  }
  await execa('ip', ['netns', 'add', PODMAN_NETNS]);
  const enter = ['nsenter', `--net=/run/netns/${PODMAN_NETNS}`, '--'];
  const { argv, why } = await podmanUnder(enter, '--memory', '64m', '--network=bridge');
  const [file = '', ...words] = argv ?? [];
  if (argv === null) absent.push(`podman run: ${why}`);
  else
    ways.push({
      name: 'podman run, bridge, no limit of the rate',
      start: () => execa(file, words),
      atOnce: 0,
    });
  return { ways, absent };
}

/** Of one of each, in turns, and of many at once. */
async function rowsOf(ways: readonly Way[], rounds: number): Promise<string[]> {
  const one = new Map(ways.map(({ name }) => [name, [] as number[]]));
  let id = 0;
  const next = ({ start }: Way): Promise<unknown> => start(String((id += 1)));
  for (let round = 0; round < rounds; round += 1) {
    for (const way of ways) {
      one.get(way.name)?.push(await time(() => next(way)));
      await delay(50);
    }
  }
  const rows: string[] = [];
  for (const way of ways) {
    let many = '–';
    if (way.atOnce > 0) {
      const all = await time(() => Promise.all(Array.from({ length: way.atOnce }, () => next(way))));
      many = String(Math.round(all));
      // The kernel goes on taking links away.
      await delay(SETTLE_MS);
    }
    rows.push(`| ${way.name} | ${median(one.get(way.name) ?? []).toFixed(1)} | ${many} |`);
  }
  return rows;
}

/** What a stack adds to a launch, as root: before the command begins, and from call to end. */
async function added(): Promise<string> {
  const times = {
    start: { plain: [] as number[], shaped: [] as number[] },
    whole: { plain: [] as number[], shaped: [] as number[] },
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.start.plain.push(await untilStart());
    times.start.shaped.push(await untilStart('--net', '10mbit'));
    times.whole.plain.push(await time(() => compart()));
    times.whole.shaped.push(await time(() => compart('--net', '10mbit')));
    await delay(50);
  }
  const more = ({ plain, shaped }: { plain: number[]; shaped: number[] }): string =>
    (median(shaped) - median(plain)).toFixed(1);
  return `One \`--net 10mbit\` as root adds ${more(times.start)} ms before the command begins, and ${more(times.whole)} ms from call to end.`;
}

/** Of a user without root: the first starts slirp4netns or pasta, one beside another finds it there. */
async function rootless({ compart: call }: Caller): Promise<string[]> {
  const [plain, first, beside]: [number[], number[], number[]] = [[], [], []];
  const run = (...flags: string[]): Promise<number> => time(() => call('run', ...flags, '--', 'true'));
  for (let round = 0; round < 5; round += 1) {
    plain.push(await run());
    first.push(await run('--net', '10mbit'));
    await delay(300);
  }
  await call('load', 'net', '--name', 'other', '--net', '10mbit');
  for (let round = 0; round < 5; round += 1) beside.push(await run('--net', '10mbit'));
  await call('rm', '--force', 'other');
  return [
    `| no root: compart run, no network | ${median(plain).toFixed(1)} | – |`,
    `| no root: compart run --net 10mbit, the first | ${median(first).toFixed(1)} | – |`,
    `| no root: compart run --net 10mbit, beside another | ${median(beside).toFixed(1)} | – |`,
  ];
}

/** A table: one of each, from call to end, and a hundred at once. */
export async function launchTimes(user: Caller): Promise<string[]> {
  try {
    const { ways, absent } = await others();
    return [
      '| from call to end | one, ms | a hundred at once, ms |',
      '|---|---|---|',
      ...(await rowsOf(OWN, ROUNDS)),
      ...(await rowsOf(ways, 5)),
      ...(await rootless(user)),
      '',
      await added(),
      ...absent.map((why) => `Not measured: ${why}.`),
    ];
  } finally {
    await execa('ip', ['netns', 'del', PODMAN_NETNS], { reject: false });
  }
}
