import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect } from '@jest/globals';
import type { ResultPromise } from 'execa';
import { execa } from 'execa';
import { parseIperf, type Flow } from '../support/iperf.js';
import { useNetwork } from '../support/network.js';
import { BUSY_LOOP, hog, MIB, until } from '../support/programs.js';
import { Prometheus } from '../support/prometheus.js';
import { allQueries, type Query } from '../support/queries.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';
import { useServer } from '../support/server.js';
import { verbsIn } from '../support/verbs.js';

const it = requires(
  ...['root', 'uml', 'prometheus', 'iperf3', 'ping', 'python3', 'ip', 'tc', 'nft'],
  ...['cgroup-memory', 'cgroup-cpu', 'cgroup-pids'],
);
const started: Prometheus[] = [];
// Before the sandbox removes the folder that it writes to: hooks run in this order.
afterEach(async () => {
  for (const prometheus of started.splice(0)) await prometheus.stop();
});
useNetwork();
const sandbox = useSandbox();
const serve = useServer(sandbox);
const { compart, detach, inspect, history } = verbsIn(sandbox);

/** `compart serve`, and a Prometheus that scrapes it every second by the configuration and the rules that are shipped. */
async function scraped(): Promise<Prometheus> {
  const { dir } = sandbox.current;
  const { host } = new URL((await serve()).url);
  expect((await compart('dashboards', '--out', `${dir}/shipped`)).status).toBe(0);
  const config = `${dir}/shipped/provisioning/prometheus.yml`;
  const text = readFileSync(config, 'utf8')
    .replaceAll(/(scrape|evaluation)_interval: 15s/g, '$1_interval: 1s')
    .replace('127.0.0.1:9750', host)
    .replace('# - ../rules/recording.yml', '- ../rules/recording.yml');
  writeFileSync(config, text);
  const prometheus = await Prometheus.start(dir, config);
  started.push(prometheus);
  await until('the first scrape', async () => (await prometheus.number('up{job="compart"}')) === 1);
  return prometheus;
}

const LINK_BPS = 20e6;
/** Bytes of a datagram, and with its headers of UDP, IP and Ethernet. */
const [DATAGRAM, FRAME] = [1400, 1442];
const WINDOW_S = 20;

/**
 * Downloads into a stack of 20 Mbit/s for some seconds, by UDP: of TCP the kernel hands over several segments as one, and
 * counts their headers once.
 */
async function download(seconds: number, port: number): Promise<() => Promise<Flow>> {
  const server = execa('iperf3', ['-s', '-1', '-p', String(port)], { stdout: 'ignore', reject: false });
  await compart('load', 'net', '--name', 'web', '--net', '20mbit/20mbit');
  const offered = ['-u', '-b', '30M', '-l', String(DATAGRAM), '-t', String(seconds)];
  const words = ['-c', 'host.compart.internal', '-p', String(port), ...offered, '-J', '-R'];
  const client = execa(COMPART, ['exec', 'web', '--', 'iperf3', ...words], {
    env: sandbox.current.env,
    reject: false,
  }) as unknown as ResultPromise;
  return async () => {
    const { stdout } = await client;
    await server;
    return parseIperf(String(stdout));
  };
}

/** CPU seconds of a process, by its own clock of hundredths. */
function cpuSecondsOf(pid: number | null): number {
  const text = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Anonymous memory of a process, as the kernel counts its pages. */
function anonBytesOf(pid: number | null): number {
  const text = readFileSync(`/proc/${pid ?? 0}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

/** Off by at most 2%. */
function expectNear(seen: number | null, known: number): void {
  const off = Math.abs((seen ?? NaN) / known - 1);
  expect({ seen, known, off, isNear: off <= 0.02 }).toEqual({ seen, known, off, isNear: true });
}

const CHOSEN = { job: 'compart', instance: '.+', compartment: '.+', rateInterval: '5s', range: '1m' };
/** There is no restart and nothing that an alert is for but the one; and this kernel need not have all. */
function mayBeEmpty({ from, kind, emptyWithout }: Query): boolean {
  const lacks = emptyWithout.includes('kernel');
  return (
    lacks || / annotation (Exporter r|R)estarts$/.test(from) || (kind === 'alert' && !/OOMKill$/.test(from))
  );
}

/** The alerts that fire now, each with what it says. */
async function firing(prometheus: Prometheus): Promise<string[]> {
  const { data } = await prometheus.get<{ data: { alerts: Alert[] } }>('alerts');
  return data.alerts.map(
    ({ state, labels, annotations }) =>
      `${labels.alertname}: ${annotations.description.replace(labels.instance, 'HOST')}${state === 'firing' ? '' : state}`,
  );
}
interface Alert {
  state: string;
  labels: { alertname: string; instance: string };
  annotations: { description: string };
}

describe('a real Prometheus that scrapes a real compart serve', () => {
  it('has a loop at 10%, 100 MiB that are held, an OOM kill in 200 ms and a download of 20 Mbit/s, within 2%', async () => {
    const prometheus = await scraped();
    await detach('busy', ['--cpu', '10%'], ...BUSY_LOOP);
    await detach('holder', ['--mem', '256M'], ...hog(100, 60));
    const downloaded = await download(WINDOW_S + 6, 5361);
    await compart('run', '--name', 'short', '--mem', '128M', '--', ...hog(200));
    await delay(3000);
    const [busy, holder] = [await inspect('busy'), await inspect('holder')];
    const before = { cpu: cpuSecondsOf(busy.pid), at: Date.now() };
    await delay(WINDOW_S * 1000);
    const now = Date.now();
    const burnt = (cpuSecondsOf(busy.pid) - before.cpu) / ((now - before.at) / 1000);
    const rate = (counter: string): Promise<number | null> =>
      prometheus.number(`sum(rate(${counter}[${WINDOW_S}s]))`, now / 1000);
    const cpu = await rate('compart_cpu_seconds_total{compartment="busy"}');
    expectNear(cpu, 0.1);
    expectNear(cpu, burnt);
    expect(await prometheus.number('compart_cpu_limit_cores{compartment="busy"}')).toBe(0.1);
    expectNear(
      await prometheus.number('compart_memory_anon_bytes{compartment="holder"}'),
      anonBytesOf(holder.pid),
    );
    const limit = 'compart_network_rate_limit_bytes_per_second{compartment="web",direction="receive"}';
    expect(await prometheus.number(limit)).toBe(LINK_BPS / 8);
    expectNear(await rate('compart_network_receive_bytes_total{compartment="web"}'), LINK_BPS / 8);
    expect(await prometheus.number('compart_host_oom_kills_total')).toBe(1);
    expect(await prometheus.number('compart_host_exits_total{reason="oom"}')).toBe(1);
    expectNear(await prometheus.number('compart_host_memory_peak_bytes'), 128 * MIB);
    expect((await history()).at(-1)).toMatchObject({ name: 'short', verdict: 'oom' });
    expectNear(((await downloaded()).mbit * 1e6 * FRAME) / DATAGRAM, LINK_BPS);
    await compart('rm', '--force', 'busy', 'holder', 'web');
  }, 90_000);

  it('answers every query of every panel, variable, annotation and rule, and the alert of an OOM kill fires', async () => {
    const prometheus = await scraped();
    const start = Math.floor(Date.now() / 1000);
    await detach('busy', ['--mem', '64M', '--cpu', '30%', '--pids', '20'], ...BUSY_LOOP);
    expect((await compart('boot', '-d', '--name', 'vm', '--mem', '64M', '--cpu', '50%')).status).toBe(0);
    const downloaded = await download(16, 5362);
    // A download by UDP sends nothing.
    const pinging = sandbox.current.start([
      'exec',
      'web',
      '--',
      'ping',
      '-q',
      '-i',
      '0.2',
      'host.compart.internal',
    ]);
    await compart('load', 'vm', '--name', 'leaky', '--mem', '64M');
    await compart('run', '--keep', '--name', 'done', '--', 'false');
    await delay(4000);
    expect(await firing(prometheus)).toEqual([]);
    await compart('exec', 'leaky', '--', ...hog(100));
    await compart('set', 'busy', '--mem', '96M');
    await delay(10_000);
    const end = Math.floor(Date.now() / 1000);
    const silent: string[] = [];
    for (const query of allQueries(CHOSEN)) {
      const { status, error, data } = await prometheus.ask(query, { start, end, step: 1 });
      expect({ from: query.from, status, error }).toEqual({ from: query.from, status: 'success' });
      if (data?.result.length === 0 && !mayBeEmpty(query)) silent.push(query.from);
    }
    expect(silent).toEqual([]);
    expect(await firing(prometheus)).toEqual([
      'CompartOOMKill: Processes of leaky on HOST killed at its memory limit in the last 5 minutes: 1.',
    ]);
    await downloaded();
    pinging.kill('SIGINT');
    await pinging;
    await compart('rm', '--force', 'busy', 'leaky', 'done', 'web', 'vm');
  }, 90_000);

  it('reads OpenMetrics: it knows the unit of every metric that has one', async () => {
    const prometheus = await scraped();
    await compart('load', 'vm', '--name', 'leaky', '--mem', '64M');
    await delay(2000);
    const { data } = await prometheus.get<{ data: Record<string, Array<{ type: string; unit: string }>> }>(
      'metadata',
    );
    const families = Object.entries(data).filter(([name]) => name.startsWith('compart_'));
    expect(families.length).toBeGreaterThan(30);
    for (const [name, [{ unit = '' } = {}]] of families)
      expect([name, unit]).toEqual([name, /_(seconds|bytes)$/.exec(name)?.[1] ?? '']);
    await compart('rm', 'leaky');
  });
});
