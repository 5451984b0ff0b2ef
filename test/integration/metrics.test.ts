import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { Caller } from '../../src/host/caller.js';
import { Host } from '../../src/host/host.js';
import { Exposition } from '../../src/metrics/exposition.js';
import { parseExposition, valueOf, type Exposed } from '../support/exposition.js';
import { hog, MIB, PYTHON, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import { verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const { compart, detach } = verbsIn(sandbox);
const limited = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids', 'cgroup-io');

async function metrics(...flags: string[]): Promise<Exposed> {
  const { status, stdout, stderr } = await compart('metrics', ...flags);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return parseExposition(stdout);
}

describe('metrics of short lives', () => {
  limited(
    'a command of 100 ms between two scrapes is in the totals: its CPU, its peak, how it ended',
    async () => {
      const before = await metrics();
      const busy = 'end=$(($(date +%s%N) + 100000000)); while [ $(date +%s%N) -lt $end ]; do :; done';
      expect(await compart('run', '--mem', '64M', '--cpu', '50%', '--', 'sh', '-c', busy)).toMatchObject({
        status: 0,
      });
      const after = await metrics();
      const grown = (name: string, labels?: Record<string, string>): number =>
        (valueOf(after, name, labels) ?? NaN) - (valueOf(before, name, labels) ?? NaN);
      const cpu = ['user', 'system'].map((mode) => grown('compart_host_cpu_seconds_total', { mode }));
      expect((cpu[0] ?? 0) + (cpu[1] ?? 0)).toBeGreaterThan(0.02);
      expect(valueOf(after, 'compart_host_memory_peak_bytes')).toBeGreaterThan(100_000);
      expect(grown('compart_host_exits_total', { reason: 'success' })).toBe(1);
      expect([grown('compart_host_created_total'), grown('compart_host_removed_total')]).toEqual([1, 1]);
      expect(after.samples.some(({ labels }) => 'compartment' in labels)).toBe(false);
    },
  );

  requires(
    'root',
    'cgroup-memory',
    'python3',
  )('an OOM kill in a command of some 200 ms is in the totals', async () => {
    expect((await compart('run', '--mem', '64M', '--', ...hog(100))).status).toBe(137);
    const exposed = await metrics();
    expect(valueOf(exposed, 'compart_host_oom_kills_total')).toBe(1);
    expect(valueOf(exposed, 'compart_host_exits_total', { reason: 'oom' })).toBe(1);
    expect(valueOf(exposed, 'compart_host_memory_peak_bytes')).toBeGreaterThan(60 * MIB);
  });

  limited(
    'what was loaded, kept, killed or unloaded counts after it is removed without an exit',
    async () => {
      const totals = async (): Promise<unknown> => {
        const exposed = await metrics();
        const value = (name: string, labels?: Record<string, string>): number | null =>
          valueOf(exposed, `compart_host_${name}`, labels);
        return {
          created: value('created_total'),
          removed: value('removed_total'),
          kills: value('oom_kills_total'),
          oom: value('exits_total', { reason: 'oom' }),
          signal: value('exits_total', { reason: 'signal' }),
        };
      };
      await compart('load', 'vm', '--name', 'loaded', '--mem', '64M');
      await compart('exec', 'loaded', '--', ...hog(100));
      expect(await totals()).toEqual({ created: 1, removed: 0, kills: 1, oom: 0, signal: 0 });
      await compart('rm', 'loaded');
      expect(await totals()).toEqual({ created: 1, removed: 1, kills: 1, oom: 0, signal: 0 });
      await compart('run', '--keep', '--name', 'kept', '--mem', '64M', '--', ...hog(100));
      await compart('exec', 'kept', '--', ...hog(100));
      expect(await totals()).toEqual({ created: 2, removed: 1, kills: 3, oom: 1, signal: 0 });
      expect(valueOf(await metrics(), 'compart_exits_total', { compartment: 'kept', reason: 'oom' })).toBe(1);
      await compart('rm', 'kept');
      expect(await totals()).toEqual({ created: 2, removed: 2, kills: 3, oom: 1, signal: 0 });
      await detach('killed', [], 'sleep', '60');
      await compart('rm', '--force', 'killed');
      await until('the record', async () =>
        valueOf(await metrics(), 'compart_host_exits_total', { reason: 'signal' }),
      );
      expect(await totals()).toEqual({ created: 3, removed: 3, kills: 3, oom: 1, signal: 1 });
      await compart('load', 'vm', '--name', 'taken', '--mem', '64M');
      await compart('exec', 'taken', '--', ...hog(100));
      await compart('unload', 'taken');
      expect(await totals()).toEqual({ created: 4, removed: 4, kills: 4, oom: 1, signal: 1 });
    },
  );

  limited(
    'no counter goes down while compartments come and go, nor from one process to the next',
    async () => {
      const done = new AbortController();
      const load = (async () => {
        for (let number = 0; number < 25; number += 1)
          await compart('run', '--name', `n${number}`, '--', 'true');
        done.abort();
      })();
      let last = new Map<string, number>();
      let scrapes = 0;
      while (!done.signal.aborted) {
        const { samples } = await metrics();
        const host = samples.filter(({ name }) => /^compart_host_.*_total$/.test(name));
        const now = new Map(host.map(({ name, labels, value }) => [name + JSON.stringify(labels), value]));
        for (const [key, value] of last) expect([key, now.get(key)! >= value]).toEqual([key, true]);
        last = now;
        scrapes += 1;
      }
      await load;
      expect(scrapes).toBeGreaterThan(3);
      expect(valueOf(await metrics(), 'compart_host_created_total')).toBe(25);
    },
  );
});

describe('compart metrics', () => {
  limited('shows what runs: its limits beside its use', async () => {
    await detach(
      'job',
      ['--mem', '64M', '--cpu', '50%', '--pids', '20', '--label', 'team=web'],
      'sleep',
      '60',
    );
    const exposed = await metrics('--labels', 'team');
    const value = (name: string, labels?: Record<string, string>): number | null =>
      valueOf(exposed, `compart_${name}`, { compartment: 'job', ...labels });
    expect(value('state', { state: 'running' })).toBe(1);
    expect(value('labels', { label_team: 'web' })).toBe(1);
    expect(value('memory_limit_bytes')).toBe(64 * MIB);
    expect(value('cpu_limit_cores')).toBe(0.5);
    expect([value('pids'), value('pids_limit')]).toEqual([1, 20]);
    await compart('freeze', 'job');
    await delay(50);
    const frozen = await metrics('--level', 'core', '--format', 'openmetrics');
    expect(valueOf(frozen, 'compart_state', { state: 'frozen' })).toBe(1);
    expect(valueOf(frozen, 'compart_frozen')).toBe(1);
    await compart('rm', '--force', 'job');
    expect((await metrics()).samples.some(({ name }) => name === 'compart_info')).toBe(false);
  });

  requires(
    'root',
    'cgroup-memory',
    'promtool',
  )(
    'promtool finds nothing to say against it, nor against what is served, that of the process included',
    async () => {
      await compart('load', 'vm', '--name', 'a', '--mem', '64M');
      await compart('run', '--', 'true');
      const { stdout } = await compart('metrics');
      const env = { ...process.env, ...sandbox.current.env };
      const { body } = await new Exposition(Host.current(new Caller({ env }))).answer(undefined);
      expect(body).toContain('\nnodejs_active_resources{');
      for (const input of [stdout, body]) {
        const { exitCode, all } = await execa('promtool', ['check', 'metrics'], {
          ...{ input, all: true, reject: false },
        });
        expect({ exitCode, all }).toEqual({ exitCode: 0, all: '' });
      }
      await compart('rm', 'a');
    },
  );

  requires(
    'root',
    'cgroup-memory',
    'promtool',
  )('the parser of Prometheus takes its OpenMetrics, that of the process included', async () => {
    await compart('load', 'vm', '--name', 'a', '--mem', '64M', '--label', 'team=a"b\\c');
    const env = { ...process.env, ...sandbox.current.env };
    const { body } = await new Exposition(Host.current(new Caller({ env })), { labels: ['team'] }).answer(
      'application/openmetrics-text',
    );
    const { stdout } = await compart('metrics', '--format', 'openmetrics');
    for (const [index, text] of [stdout, body].entries()) {
      const file = `${sandbox.current.dir}/${index}.om`;
      // Blocks want a time with each sample.
      writeFileSync(file, text.replace(/^([^#].*)$/gm, '$1 1700000000'));
      const blocks = `${sandbox.current.dir}/blocks-${index}`;
      const argv = ['tsdb', 'create-blocks-from', 'openmetrics', file, blocks];
      expect(await execa('promtool', argv, { reject: false })).toMatchObject({ exitCode: 0 });
    }
    await compart('rm', 'a');
  });

  requires(
    'root',
    'ip',
    'tc',
    'nft',
    'python3',
  )('shows what a stack carried and what its shapers held back, also once it is gone', async () => {
    await detach('job', ['--net', '1mbit/2mbit'], 'sleep', '60');
    const send =
      'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); ' +
      '[s.sendto(bytes(1200), ("host.compart.internal", 9)) for _ in range(500)]';
    await compart('exec', 'job', '--', PYTHON, '-c', send);
    const exposed = await metrics();
    const value = (name: string, direction?: string): number =>
      valueOf(exposed, `compart_network_${name}`, direction === undefined ? {} : { direction }) ?? NaN;
    expect(value('rate_limit_bytes_per_second', 'receive')).toBe(125_000);
    expect(value('rate_limit_bytes_per_second', 'transmit')).toBe(250_000);
    expect(value('transmit_bytes_total')).toBeGreaterThan(1200);
    expect(value('shaper_overlimits_total', 'transmit')).toBeGreaterThan(0);
    expect(value('shaper_drops_total', 'receive')).toBe(0);
    expect(valueOf(exposed, 'compart_info', { net: 'own' })).toBe(1);
    expect(valueOf(exposed, 'compart_collector_errors_total', { collector: 'network' })).toBe(0);
    await compart('rm', '--force', 'job');
    const after = await metrics();
    expect(valueOf(after, 'compart_host_network_transmit_bytes_total')).toBeGreaterThanOrEqual(
      value('transmit_bytes_total'),
    );
  });

  requires('groups')('--out replaces a file in one step, for everybody to read', async () => {
    const file = `${sandbox.current.dir}/out/compart.prom`;
    await execa('mkdir', [`${sandbox.current.dir}/out`]);
    for (let turn = 0; turn < 2; turn += 1)
      expect(await compart('metrics', '--out', file)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readdirSync(`${sandbox.current.dir}/out`)).toEqual(['compart.prom']);
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect((await compart('metrics', '--out', `${sandbox.current.dir}/no/x`)).status).toBe(125);
  });

  requires('groups')('refuses words that it does not know', async () => {
    for (const flags of [['--level', 'most'], ['--format', 'xml'], ['--labels', 'a,,b'], ['x']])
      expect((await compart('metrics', ...flags)).status).toBe(2);
  });
});
