import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { COMPART, useSandbox } from '../support/sandbox.js';
import { busyAndIdle, cellsOf, isAbout, PATIENCE_MS, SLEEP, TITLES } from '../support/top.js';
import { verbsIn } from '../support/verbs.js';

const withLimits = requires('groups', 'cgroup-cpu', 'cgroup-memory', 'cgroup-pids');

// Before the sandbox looks for what was left: hooks run in this order.
afterEach(async () => {
  await compart('rm', '--force', 'busy');
  await compart('rm', '--force', 'idle');
});
const sandbox = useSandbox();
const verbs = verbsIn(sandbox);
const { compart, detach } = verbs;

describe('compart top without a terminal', () => {
  withLimits(
    '--once prints the table once with rates; --json an array with the shapes of stats',
    async () => {
      await busyAndIdle(verbs);
      const { status, stdout, stderr } = await compart('top', '--once', '--sort', 'name', '--interval', '2s');
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout.split('\n')[0]).toBe(TITLES);
      expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['NAME', 'busy', 'idle', '']);
      expect(isAbout(cellsOf(stdout, 'busy')?.['cpu'], 50, 12)).toBe(true);
      const answer = await compart('top', '--once', '--json', '--filter', 'team=web');
      const [busy, ...others] = JSON.parse(answer.stdout) as Array<Record<string, Record<string, unknown>>>;
      expect(others).toEqual([]);
      expect(busy).toMatchObject({
        name: 'busy',
        kind: 'compartment',
        state: 'running',
        labels: { team: 'web' },
      });
      expect(busy?.['sched']).toMatchObject({ limitCpus: 0.5 });
      expect(Number(busy?.['rates']?.['cpuPercent'])).toBeGreaterThan(10);
      const [{ name: _name, ...stats }] = await sandbox.current.json<[Record<string, object>]>([
        'stats',
        'busy',
      ]);
      for (const [kind, counters] of Object.entries(stats))
        expect(Object.keys(busy?.[kind] ?? {}).sort()).toEqual(Object.keys(counters).sort());
    },
    90_000,
  );

  withLimits(
    '--json prints an array a line until it is sent a signal',
    async () => {
      await detach('idle', [], ...SLEEP);
      const running = sandbox.current.start(['top', '--json', '--interval', '100ms'], { buffer: false });
      let text = '';
      running.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await until('three lines', () => text.split('\n').length > 3);
      running.kill('SIGTERM');
      expect((await running).exitCode).toBe(0);
      for (const line of text.trim().split('\n')) expect(JSON.parse(line)).toMatchObject([{ name: 'idle' }]);
    },
    90_000,
  );

  withLimits('names the way out', async () => {
    const answer = await compart('top');
    expect(answer).toMatchObject({ status: 2, stdout: '' });
    expect(answer.stderr).toMatch(/no terminal[^]*--once[^]*--json/);
    expect(await compart('top', '--sort', 'x')).toMatchObject({ status: 2 });
    expect(await compart('top', '--interval', '10ms')).toMatchObject({ status: 2 });
    expect(await compart('top', '--once', 'nobody')).toMatchObject({ status: 125 });
  });
});

describe('what compart top writes', () => {
  requires('groups', 'script')(
    'is nothing while nothing changes, and one line when one row does',
    async () => {
      await detach('idle', [], ...SLEEP);
      const { env, dir } = sandbox.current;
      const argv = [
        '-qefc',
        `stty rows 24 cols 80; exec ${COMPART} top --interval 100ms`,
        `${dir}/typescript`,
      ];
      const script = execa('script', argv, { env: { ...env, TERM: 'xterm' }, reject: false, buffer: false });
      const written = (): string => readFileSync(`${dir}/typescript`, 'utf8');
      await until('the terminal', () => existsSync(`${dir}/typescript`), PATIENCE_MS);
      await until('the table', () => written().includes('idle'), PATIENCE_MS);
      // The first rates, and what the start of the command leaves behind.
      const quiet = await until(
        'a second without a byte',
        async () => {
          const before = written().length;
          await delay(1000);
          return written().length === before ? before : null;
        },
        PATIENCE_MS,
      );
      expect((await compart('freeze', 'idle')).status).toBe(0);
      await until('the frozen row', () => written().slice(quiet).includes(' frz '), PATIENCE_MS);
      const since = written().slice(quiet);
      // The summary and the row; never the titles or the whole screen.
      const addressed = new Set([...since.matchAll(/\u001b\[(\d+);1H/g)].map(([, line]) => line));
      expect([...addressed].sort()).toEqual(['1', '3']);
      expect(since).not.toMatch(/\[2J|NAME/);
      script.kill('SIGTERM');
      await script;
    },
    90_000,
  );
});
