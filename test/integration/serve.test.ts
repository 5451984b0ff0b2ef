import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { BUSY_LOOP, until } from '../support/programs.js';
import { ask, errorIn, samples, statusOf, useServer } from '../support/server.js';
import { keysOf, type Inspection } from '../support/shapes.js';
import type { Sample } from '../../src/metrics/page/wire.js';
import { describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { groupsBelow, useSandbox } from '../support/sandbox.js';
import { verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const serve = useServer(sandbox);
const { compart, detach } = verbsIn(sandbox);
const withLimits = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

describe('compart serve', () => {
  withLimits(
    'plans for run with --warm, and not without, and ends when what it planned for has ended',
    async () => {
      const one = await serve();
      expect((await compart('warm', '--status')).status).toBe(1);
      await one.stop();
      const planning = await serve('--warm');
      const other = sandbox.current.start(['serve', '--listen', '127.0.0.1:0', '--warm'], { reject: false });
      expect(await other).toMatchObject({
        exitCode: 125,
        stderr: expect.stringContaining('a service listens on'),
      });
      const command = sandbox.current.start(['run', '--mem', '64M', '--', 'sh', '-c', 'sleep 2; exit 7'], {
        reject: false,
      });
      const status = (): Promise<{ running: number; idleMs: number | null }> =>
        sandbox.current.json(['warm', '--status']);
      await until('it plans', async () => (await status()).running === 1);
      expect(await status()).toMatchObject({ idleMs: null, guests: null });
      const stopped = planning.stop();
      expect((await command).exitCode).toBe(7);
      expect((await stopped).status).toBe(0);
      expect((await compart('warm', '--status')).status).toBe(1);
      expect(groupsBelow(sandbox.current.base)).toEqual([]);
    },
  );

  withLimits('answers /healthz, /metrics, the page and the list, which is that of ps --json', async () => {
    const { url } = await serve();
    await detach('job', ['--mem', '64M', '--label', 'team=web'], 'sleep', '60');
    expect(await ask(url, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    const metrics = await ask(url, '/metrics');
    expect(metrics).toMatchObject({
      status: 200,
      headers: { 'content-type': expect.stringMatching(/^text\/plain/) },
    });
    expect(metrics.body).toContain('compart_memory_limit_bytes{compartment="job"} 67108864\n');
    const openMetrics = await ask(url, '/metrics', { headers: { accept: 'application/openmetrics-text' } });
    expect(openMetrics.headers['content-type']).toMatch(/^application\/openmetrics-text/);
    expect(openMetrics.body).toMatch(/# EOF\n$/);
    const page = await ask(url, '/');
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(await statusOf(url, '/', { headers: { 'if-none-match': page.headers['etag'] } })).toBe(304);
    const answer = await ask(url, '/api/v1/compartments');
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringMatching(/^default-src 'self';.*frame-ancestors 'none'/),
    });
    const listed = JSON.parse(answer.body) as Inspection[];
    const [ps] = await sandbox.current.json<Inspection[]>(['ps']);
    expect(listed).toHaveLength(1);
    expect(keysOf(listed[0])).toEqual(keysOf(ps));
    expect(listed[0]).toMatchObject({ name: 'job', state: 'running', pid: ps?.pid, labels: { team: 'web' } });
    expect(listed[0]?.subsystems.vm.limits).toEqual(ps?.subsystems.vm.limits);
    await compart('rm', '--force', 'job');
    expect((await ask(url, '/api/v1/compartments')).body).toBe('[]\n');
  });

  withLimits(
    'answers what is not there with 404, what is not done with 405, as JSON, and a HEAD without a body',
    async () => {
      const { url } = await serve();
      for (const path of [
        '/nothing',
        '/../../etc/passwd',
        '/page.js/',
        '/%2e%2e/token',
        '/api/v1/compartments/..%2f/kill',
      ])
        expect(errorIn(await ask(url, path))).toMatchObject({
          code: 'ERR_HTTP_NOT_FOUND',
          message: 'nothing is here',
        });
      const posted = await ask(url, '/metrics', { method: 'POST' });
      expect(posted).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      expect(errorIn(posted).code).toBe('ERR_HTTP_METHOD');
      expect(await ask(url, '/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
      expect(await statusOf(url, '/healthz?x=1')).toBe(200);
    },
  );

  withLimits(
    'ends at SIGTERM and at SIGINT with status 0 within a second, also while streams are open',
    async () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const served = await serve();
        const stream = samples(served.url);
        expect((await stream.next()).value).toMatchObject({ full: true, compartments: [] });
        const rest = stream.next().catch(() => ({ done: true }));
        const { status, ms } = await served.stop(signal);
        expect(status).toBe(0);
        expect(ms).toBeLessThan(1000);
        await rest;
        await expect(fetch(served.url)).rejects.toThrow();
      }
    },
  );

  withLimits('is told apart from a second one on its port, which says what to do', async () => {
    const { port } = new URL((await serve()).url);
    const { status, stderr } = await compart('serve', '--listen', port);
    expect(status).toBe(125);
    expect(stderr).toBe(
      `compart: cannot listen on 127.0.0.1:${port}: Address already in use\n` +
        `compart: port ${port} is taken, perhaps by another compart serve; choose one: --listen 127.0.0.1:${Number(port) + 1}\n`,
    );
  });
});

describe('the stream', () => {
  withLimits(
    'says everything once, then once a second what has changed, what happened, and what is gone',
    async () => {
      const { url } = await serve();
      await detach('busy', ['--cpu', '20%', '--pids', '50'], ...BUSY_LOOP);
      await compart('load', 'vm', '--name', 'empty', '--mem', '64M');
      const stream = samples(url);
      const first = (await stream.next()).value as Sample;
      expect([first.full, first.compartments.map(({ name }) => name)]).toEqual([true, ['busy', 'empty']]);
      const second = (await stream.next()).value as Sample;
      expect([second.full, second.compartments.map(({ name }) => name)]).toEqual([false, ['busy']]);
      expect(second.time - first.time).toBeGreaterThan(800);
      expect(second.time - first.time).toBeLessThan(2000);
      await compart('set', 'busy', '--cpu', '30%');
      const events: string[] = [];
      const gone: string[] = [];
      for await (const sample of stream) {
        events.push(...sample.events.map(({ name, event }) => `${name} ${event}`));
        gone.push(...sample.gone);
        if (events.length === 1) await compart('rm', '--force', 'busy', 'empty');
        if (events.includes('busy exit') && gone.length >= 2) break;
      }
      expect(events).toEqual(['busy limit', 'busy exit']);
      // Which of the two has gone first is theirs.
      expect(gone.sort()).toEqual(first.compartments.map(({ id }) => id).sort());
    },
  );

  withLimits('goes on while compartments come and vanish in the middle of a look, 60 of them', async () => {
    const { url } = await serve();
    let ended = false;
    const isOver = (): boolean => ended;
    const churn = async (): Promise<void> => {
      const one = (): Promise<unknown> => compart('run', '--mem', '64M', '--', 'true');
      for (let turn = 0; turn < 10; turn += 1) await Promise.all(Array.from({ length: 6 }, one));
      ended = true;
    };
    const done = churn();
    let asked = 0;
    for (; !isOver(); asked += 1) {
      const { status, body } = await ask(url, '/api/v1/compartments');
      expect(status).toBe(200);
      for (const { name, subsystems } of JSON.parse(body) as Inspection[])
        expect([name, typeof subsystems]).toEqual([name, 'object']);
    }
    await done;
    expect(asked).toBeGreaterThan(20);
    expect((await ask(url, '/api/v1/compartments')).body).toBe('[]\n');
  });

  withLimits(
    'is had by 16 at once, the 17th is refused; a client that reads nothing harms nobody',
    async () => {
      const { url } = await serve();
      const { port, hostname } = new URL(url);
      const silent = connect(Number(port), hostname);
      silent.pause().write(`GET /api/v1/stream HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
      const streams = Array.from({ length: 15 }, () => samples(url));
      for (const stream of streams) expect((await stream.next()).done).toBe(false);
      const refused = await ask(url, '/api/v1/stream');
      expect([refused.status, errorIn(refused).code]).toEqual([503, 'ERR_HTTP_BUSY']);
      for (const stream of streams) await stream.return(undefined);
      silent.destroy();
      const again = await until('a free stream', async () => {
        const stream = samples(url);
        const { done } = await stream.next();
        await stream.return(undefined);
        return done === false;
      });
      expect(again).toBe(true);
    },
  );

  withLimits('rests when nobody listens: no CPU time is used in 2 s', async () => {
    const { url, process: served } = await serve();
    const stream = samples(url);
    await stream.next();
    await stream.return(undefined);
    await delay(500);
    const ticks = async (): Promise<number> => {
      const { stdout } = await execa('cat', [`/proc/${served.pid ?? 0}/stat`]);
      const fields = stdout.slice(stdout.lastIndexOf(')') + 2).split(' ');
      return Number(fields[11]) + Number(fields[12]);
    };
    const before = await ticks();
    await delay(2000);
    expect((await ticks()) - before).toBeLessThanOrEqual(4);
  });
});

describe('packaging/', () => {
  requires('promtool')('has a scrape configuration that Prometheus takes', async () => {
    const { stdout } = await execa('promtool', ['check', 'config', 'packaging/prometheus.yml']);
    expect(stdout).toContain('SUCCESS');
  });

  requires('systemd-analyze')('has a unit that systemd understands, every line of it', async () => {
    const { stdout, stderr } = await execa('systemd-analyze', ['verify', 'packaging/compart-serve.service']);
    expect([stdout, stderr]).toEqual(['', '']);
  });
});
