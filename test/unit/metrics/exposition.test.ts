import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Exposition } from '../../../src/metrics/exposition.js';
import { OF_COMPARTMENTS } from '../../../src/metrics/table.js';
import { parseExposition, valueOf, type Exposed } from '../../support/exposition.js';
import { useFolder } from '../state.js';
import { FixtureHost, type Version } from './host.js';

const folder = useFolder();
const OM = 'application/openmetrics-text';
const expose = async (exposition: Exposition, accept?: string): Promise<Exposed> =>
  parseExposition((await exposition.answer(accept)).body);
const VERSIONS: Version[] = ['v1', 'v2', 'hybrid'];
const MIB = 2 ** 20;

describe.each(VERSIONS)('a scrape of a host with %s groups', (version) => {
  it('says the same in both formats, each line of which parses back', async () => {
    const { host, add } = hostOf(version);
    add('a');
    add('b', { labels: { team: 'we"b\\\n' } });
    const exposition = new Exposition(host, { labels: ['team'], ownProcess: false });
    const text = await exposition.answer('text/plain');
    const open = await exposition.answer(OM);
    expect(text.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(open.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.body.endsWith('\n# EOF\n')).toBe(true);
    const stable = ({ samples }: Exposed): unknown =>
      samples.filter(({ name }) => !name.includes('collector'));
    expect(stable(parseExposition(open.body))).toEqual(stable(parseExposition(text.body)));
    expect(valueOf(parseExposition(text.body), 'compart_labels', { label_team: 'we"b\\\n' })).toBe(1);
    for (const [name, { type, unit }] of parseExposition(open.body).families) {
      if (unit !== null) expect(name.endsWith(`_${unit}`)).toBe(true);
      expect(['counter', 'gauge', 'info', 'histogram']).toContain(type);
    }
  });

  it('shows what the kernel showed, and nothing that it did not', async () => {
    const { host, add } = hostOf(version);
    add('a');
    const exposed = await expose(new Exposition(host, { ownProcess: false }));
    const v2 = version === 'v2';
    const value = (name: string, labels?: Record<string, string>): number | null =>
      valueOf(exposed, `compart_${name}`, labels);
    expect(value('memory_shmem_bytes')).toBe(v2 ? 4096 : 0);
    expect(value('memory_dirty_bytes')).toBe(v2 ? 135_168 : 4096);
    expect(value('memory_scanned_pages_total')).toBe(v2 ? 81_920 : null);
    expect(value('memory_refaults_total', { type: 'file' })).toBe(v2 ? 5120 : 983);
    expect(value('memory_page_faults_total', { type: 'minor' })).toBe(v2 ? 51_159 : 29_117);
    expect(value('memory_page_faults_total', { type: 'major' })).toBe(v2 ? 41 : 13);
    expect(value('memory_limit_bytes')).toBe(v2 ? 128 * MIB : 64 * MIB);
    expect(value('memory_high_bytes') === null).toBe(!v2);
    expect(value('frozen_seconds_total')).toBe(version === 'v1' ? null : 2.5);
    expect(value('pressure_waiting_seconds_total', { resource: 'memory' }) === null).toBe(!v2);
    expect(value('pressure_stalled_seconds_total', { resource: 'cpu' }) === null).toBe(version === 'v1');
    expect(value('state', { state: 'running' })).toBe(1);
    expect(exposed.samples.some(({ name }) => name.startsWith('compart_network'))).toBe(false);
    expect(exposed.samples.some(({ name }) => name.startsWith('compart_guest'))).toBe(false);
    expect(value('collector_errors_total', { collector: 'cgroup' })).toBe(0);
  });
});

function hostOf(version: Version): { host: FixtureHost['host']; add: FixtureHost['add'] } {
  const fixture = new FixtureHost(folder.path, version);
  return { host: fixture.host, add: (name, changed) => fixture.add(name, changed) };
}

describe('a scrape', () => {
  it('says +Inf of what is not limited', async () => {
    const { host, add } = hostOf('v2');
    const { group } = add('a');
    for (const [file, text] of [
      ['memory.max', 'max'],
      ['cpu.max', 'max 100000'],
      ['pids.max', 'max'],
    ])
      writeFileSync(`${group.identity}/${file}`, `${text}\n`);
    const exposed = await expose(new Exposition(host, { ownProcess: false }));
    for (const name of ['memory_limit_bytes', 'cpu_limit_cores', 'pids_limit'])
      expect([name, valueOf(exposed, `compart_${name}`)]).toEqual([name, Infinity]);
  });

  it('leaves out at the level core what the table has as full, and nothing else', async () => {
    const { host, add } = hostOf('hybrid');
    add('a');
    const namesAt = async (level: 'core' | 'full'): Promise<Set<string>> => {
      const { samples } = await expose(new Exposition(host, { level, ownProcess: false }));
      return new Set(samples.map(({ name }) => name).filter((name) => !name.startsWith('compart_host')));
    };
    const full = await namesAt('full');
    const core = new Set(OF_COMPARTMENTS.filter(({ level }) => level === 'core').map(({ name }) => name));
    const others = new Set(OF_COMPARTMENTS.map(({ name }) => name));
    const expected = [...full].filter((name) => core.has(name) || !others.has(name));
    expect(await namesAt('core')).toEqual(new Set(expected));
  });

  it('takes core by itself above 300 compartments, and counts what it leaves out above the limit', async () => {
    const { host, add } = hostOf('v2');
    for (let number = 0; number <= 300; number += 1) add(`n${number}`);
    const exposition = new Exposition(host, { ownProcess: false, most: 299 });
    const exposed = await expose(exposition);
    expect(valueOf(exposed, 'compart_memory_anon_bytes', { compartment: 'n7' })).toBeNull();
    expect(valueOf(exposed, 'compart_compartments')).toBe(301);
    expect(valueOf(exposed, 'compart_series_dropped_total')).toBe(2);
    expect(valueOf(await expose(exposition), 'compart_series_dropped_total')).toBe(4);
    expect(exposed.samples.filter(({ name }) => name === 'compart_pids')).toHaveLength(299);
  });

  it('does not fail for a damaged record, a file that cannot be read or groups that are gone', async () => {
    const fixture = new FixtureHost(folder.path, 'v2');
    fixture.add('whole');
    fixture.add('damaged');
    writeFileSync(`${fixture.store.folder('damaged')}/record.json`, '{"schema":1,');
    const unreadable = fixture.add('unreadable').group.identity;
    rmSync(`${unreadable}/memory.stat`);
    mkdirSync(`${unreadable}/memory.stat`);
    rmSync(fixture.add('gone').group.identity, { recursive: true });
    const exposition = new Exposition(fixture.host, { ownProcess: false });
    const exposed = await expose(exposition);
    const shown = exposed.samples.filter(({ name }) => name === 'compart_info');
    expect(shown.map(({ labels }) => labels['compartment'])).toEqual(['unreadable', 'whole']);
    const count = (collector: string): number | null =>
      valueOf(exposed, 'compart_collector_errors_total', { collector });
    expect([count('state'), count('cgroup')]).toEqual([1, 1]);
    expect(valueOf(exposed, 'compart_collector_success', { collector: 'cgroup' })).toBe(0);
    expect(valueOf(exposed, 'compart_memory_anon_bytes', { compartment: 'unreadable' })).toBeNull();
    expect(valueOf(exposed, 'compart_memory_usage_bytes', { compartment: 'unreadable' })).not.toBeNull();
    const again = await expose(exposition);
    expect(valueOf(again, 'compart_collector_errors_total', { collector: 'state' })).toBe(2);
  });

  it('shows of one that ended and was kept its facts, limits and counters, and no gauge of what runs', async () => {
    const { host, add } = hostOf('v2');
    add('done', { endedAt: 1_700_000_009_000, exitCode: 3 });
    const exposed = await expose(new Exposition(host, { ownProcess: false }));
    const value = (name: string): number | null => valueOf(exposed, `compart_${name}`);
    expect(valueOf(exposed, 'compart_state', { state: 'failed' })).toBe(1);
    expect([value('last_exit_code'), value('last_exit_time_seconds')]).toEqual([3, 1_700_000_009]);
    expect([value('pids'), value('memory_usage_bytes'), value('memory_anon_bytes')]).toEqual([
      null,
      null,
      null,
    ]);
    expect(value('memory_oom_kills_total')).not.toBeNull();
    expect(value('pids_limit')).not.toBeNull();
  });

  it('speaks of its own process in both formats, one after the other and again', async () => {
    const { host } = hostOf('v2');
    const exposition = new Exposition(host);
    // It counts from its first scrape on, and the kernel by the tick.
    await expose(exposition, OM);
    const since = process.cpuUsage();
    while (process.cpuUsage(since).user === 0);
    for (const accept of ['text/plain', OM, 'text/plain', OM]) {
      const exposed = await expose(exposition, accept);
      expect(valueOf(exposed, 'process_cpu_user_seconds_total')).toBeGreaterThan(0);
      expect(valueOf(exposed, 'compart_compartments')).toBe(0);
    }
  });
});

describe('a guest', () => {
  const reportAt = (ms: number): string => `started_at_ms=1700000000000
reported_at_ms=${ms}
kernel_us=40000
init_us=52000
ready_us=60000
mem_total=100
mem_free=30
load1=0.25
processes=7
oom_kills=2
`;

  it('is shown as it reports itself, and its boot counts within the bounds that it kept', async () => {
    const { host, add } = hostOf('v2');
    add('vm', { kind: 'guest' });
    writeFileSync(`${folder.path}/state/compartments/vm/guest.report`, reportAt(Date.now()));
    const exposed = await expose(new Exposition(host, { ownProcess: false }), OM);
    const value = (name: string, labels?: Record<string, string>): number | null =>
      valueOf(exposed, `compart_${name}`, labels);
    expect(value('guest_up')).toBe(1);
    expect(value('guest_boot_duration_seconds', { stage: 'ready' })).toBe(0.06);
    expect(value('guest_memory_total_bytes')).toBe(100);
    expect(value('guest_memory_available_bytes')).toBeNull();
    expect(value('guest_load1')).toBe(0.25);
    expect(value('guest_oom_kills_total')).toBe(2);
    expect(value('boot_duration_seconds_bucket', { le: '0.05' })).toBe(0);
    expect(value('boot_duration_seconds_bucket', { le: '0.1' })).toBe(1);
    expect(value('boot_duration_seconds_bucket', { le: '+Inf' })).toBe(1);
    expect(value('boot_duration_seconds_sum')).toBe(0.06);
    expect(value('boot_duration_seconds_count')).toBe(1);
  });

  it('that has not said a word for 15 s is down, one that is frozen is not', async () => {
    const { host, add } = hostOf('v2');
    for (const name of ['silent', 'cold']) {
      const { group } = add(name, { kind: 'guest' });
      writeFileSync(`${folder.path}/state/compartments/${name}/guest.report`, reportAt(1_700_000_000_000));
      if (name === 'cold') writeFileSync(`${group.identity}/cgroup.events`, 'populated 1\nfrozen 1\n');
    }
    const exposed = await expose(new Exposition(host, { ownProcess: false }));
    expect(valueOf(exposed, 'compart_guest_up', { compartment: 'silent' })).toBe(0);
    expect(valueOf(exposed, 'compart_guest_up', { compartment: 'cold' })).toBe(1);
  });
});
