import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { hog, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import { keysOf, KINDS, sorted, STATS_KEYS, type Inspection, type Stats } from '../support/shapes.js';
import { verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const { compart, inspect, history, detach, gone } = verbsIn(sandbox);
const everything = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids', 'cgroup-io');
const INSPECT_KEYS = 'name id kind state pid command createdAt startedAt labels spec subsystems'.split(' ');

describe('the JSON of ps, stats, inspect and history', () => {
  everything('has exactly the keys of docs/cli.md', async () => {
    await detach(
      'job',
      ['--mem', '64M', '--cpu', '50%', '--pids', '20', '--label', 'team=web'],
      'sleep',
      '60',
    );
    const inspected = await inspect('job');
    expect(keysOf(inspected)).toEqual(sorted(INSPECT_KEYS));
    expect(inspected).toMatchObject({
      kind: 'compartment',
      state: 'running',
      command: ['sleep', '60'],
      labels: { team: 'web' },
    });
    const [listed] = await sandbox.current.json<Inspection[]>(['ps']);
    expect(keysOf(listed)).toEqual(sorted(INSPECT_KEYS.filter((key) => key !== 'spec')));
    const [stats] = await sandbox.current.json<Stats[]>(['stats', 'job']);
    expect(keysOf(stats)).toEqual(sorted(['name', ...KINDS]));
    await compart('rm', '--force', 'job');
    const [record] = await history();
    const RECORD_KEYS = 'name command startedAt endedAt wallUs exitCode signal verdict limitHit stats'.split(
      ' ',
    );
    expect(keysOf(record)).toEqual(expect.arrayContaining(RECORD_KEYS));
    for (const kind of KINDS) {
      const keys = sorted(STATS_KEYS[kind].split(' '));
      expect(keysOf(inspected.subsystems[kind].stats)).toEqual(keys);
      expect(keysOf(stats?.[kind])).toEqual(keys);
      expect(keysOf(record?.stats[kind])).toEqual(keys);
      expect(inspected.subsystems[kind]).toMatchObject({
        driver: expect.stringMatching(/^cgroup[12]$/),
        enforced: true,
      });
    }
  });

  everything('limits are under the same keys as in stats, with the same values', async () => {
    await detach('job', ['--mem', '64M', '--cpu', '50%', '--pids', '20'], 'sleep', '60');
    const { subsystems } = await inspect('job');
    await compart('rm', '--force', 'job');
    for (const kind of ['vm', 'sched', 'pids'] as const)
      expect(subsystems[kind].stats).toMatchObject(subsystems[kind].limits);
    expect(subsystems.vm.limits).toMatchObject({ limitBytes: 64 * 2 ** 20, swapLimitBytes: 0 });
  });

  requires('groups', 'cgroup-memory')(
    'tables have the same rows for people, and history tells ok, failed and oom in order',
    async () => {
      await compart('run', '--name', 'a', 'true');
      await compart('run', '--name', 'b', 'false');
      await compart('run', '--name', 'c', '--mem', '64M', '--', ...hog(100));
      expect((await history()).map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
        'a ok',
        'b failed',
        'c oom',
      ]);
      expect((await compart('history')).stdout.trim().split('\n')).toHaveLength(4);
      await detach('job', ['--mem', '64M'], 'sleep', '60');
      expect((await compart('ps')).stdout).toMatch(
        /^NAME +KIND +STATE .*\njob +compartment +running +\d+ .*64 MiB.*sleep 60\n$/,
      );
      expect((await compart('stats')).stdout).toMatch(/^NAME .*\njob .*\n$/);
      await compart('rm', '--force', 'job');
    },
  );
});

describe('events, logs, --detach and --timeout', () => {
  requires('groups', 'cgroup-memory')(
    'events --json tells of an oom, a changed limit and the exit',
    async () => {
      await detach('job', ['--mem', '64M'], 'sleep', '60');
      const events = sandbox.current.start(['events', '--json']);
      let text = '';
      events.stdout?.on('data', (piece: Buffer) => (text += piece.toString()));
      await delay(800);
      await compart('exec', 'job', '--', ...hog(100));
      await compart('set', 'job', '--mem', '96M');
      await until('oom and limit', () => /"oom"/.test(text) && /"limit"/.test(text));
      await compart('kill', 'job');
      await until('the exit', () => /"exit"/.test(text));
      events.kill('SIGTERM');
      expect((await events).exitCode).toBe(0);
      const seen = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { name: string; event: string; detail: Record<string, unknown> });
      expect(seen.every(({ name }) => name === 'job')).toBe(true);
      expect(seen.find(({ event }) => event === 'oom')?.detail).toEqual({ oomKills: 1 });
      expect(JSON.stringify(seen.find(({ event }) => event === 'limit')?.detail)).toContain(
        String(96 * 2 ** 20),
      );
      expect(seen.find(({ event }) => event === 'exit')?.detail).toMatchObject({
        signal: 'SIGKILL',
        verdict: 'oom',
        limitHit: 'vm',
      });
    },
  );

  requires('groups')(
    'logs shows what came so far, --follow goes on to the end, and it stays readable',
    async () => {
      const go = `${sandbox.current.dir}/go`;
      await detach(
        'job',
        [],
        'sh',
        '-c',
        `echo one; echo two >&2; while [ ! -e ${go} ]; do sleep 0.02; done; echo three; sleep 0.3; printf four`,
      );
      await until('two lines', async () => (await compart('logs', 'job')).stdout === 'one\ntwo\n');
      const follower = sandbox.current.start(['logs', 'job', '--follow']);
      await delay(300);
      await execa('touch', [go]);
      expect(await follower).toMatchObject({ exitCode: 0, stdout: 'one\ntwo\nthree\nfour', stderr: '' });
      await gone('job');
      expect((await compart('logs', 'job')).stdout).toBe('one\ntwo\nthree\nfour');
      expect(await compart('logs', 'never')).toMatchObject({ status: 125 });
    },
  );

  requires('groups')('--detach with --timeout 500ms ends with verdict timeout', async () => {
    await detach('job', ['--timeout', '500ms'], 'sleep', '60');
    await gone('job');
    expect((await history()).at(-1)).toMatchObject({
      name: 'job',
      verdict: 'timeout',
      limitHit: null,
      signal: 'SIGTERM',
    });
  });
});
