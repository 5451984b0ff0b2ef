import { Agent } from 'node:https';
import { execa } from 'execa';
import { until } from '../support/programs.js';
import {
  ask,
  AUTHORIZED,
  TOKEN,
  errorIn,
  fileIn,
  statusOf,
  tokenFileIn,
  useServer,
  type HttpAnswer,
} from '../support/server.js';
import { describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import { verbsIn } from '../support/verbs.js';

const sandbox = useSandbox();
const serve = useServer(sandbox);
const { compart, inspect, detach } = verbsIn(sandbox);
const withLimits = requires('groups', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids');

describe('who may ask', () => {
  withLimits('without a token only those who name this machine: another Host header is refused', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    for (const host of ['evil.example', `evil.example:${port}`, `127.0.0.1.evil.example`])
      expect(errorIn(await ask(url, '/api/v1/compartments', { headers: { host } })).code).toBe(
        'ERR_HTTP_HOST',
      );
    for (const host of [`localhost:${port}`, '127.0.0.1', `[::1]:${port}`])
      expect(await statusOf(url, '/api/v1/compartments', { headers: { host } })).toBe(200);
  });

  withLimits(
    'with one those who know it; the page itself and /healthz hold nothing and are open',
    async () => {
      const { url } = await serve('--token-file', tokenFileIn(sandbox.current));
      for (const path of ['/metrics', '/api/v1/compartments', '/api/v1/stream']) {
        const refused = await ask(url, path);
        expect(refused).toMatchObject({
          status: 401,
          headers: { 'www-authenticate': 'Bearer realm="compart"' },
        });
        expect(errorIn(refused).code).toBe('ERR_HTTP_UNAUTHORIZED');
        expect(await statusOf(url, path, { headers: { authorization: `Bearer ${TOKEN}x` } })).toBe(401);
        expect(await statusOf(url, `${path}?token=${TOKEN}`)).toBe(401);
      }
      expect(await statusOf(url, '/api/v1/compartments', { headers: AUTHORIZED })).toBe(200);
      expect([await statusOf(url, '/'), await statusOf(url, '/healthz')]).toEqual([200, 200]);
    },
  );

  withLimits(
    'beyond this machine it does not listen without a token and TLS, and says what is missing',
    async () => {
      const secret = tokenFileIn(sandbox.current);
      for (const [flags, missing] of [
        [[], '--token-file, --tls-cert and --tls-key'],
        [['--token-file', secret], '--tls-cert and --tls-key'],
      ] as const) {
        const answer = await compart('serve', '--listen', '0.0.0.0:0', ...flags);
        expect(answer.status).toBe(2);
        expect(answer.stderr.split('\n')[0]).toBe(
          `compart: --listen: 0.0.0.0:0 is beyond this machine, which wants ${missing}`,
        );
      }
    },
  );

  requires('groups', 'openssl')('over TLS it serves with a certificate, and refuses plain HTTP', async () => {
    const { dir } = sandbox.current;
    const files = ['-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    await execa('openssl', ['req', '-x509', '-nodes', '-days', '2', ...algorithm, ...subject, ...files]);
    const tls = ['--tls-cert', `${dir}/cert.pem`, '--tls-key', `${dir}/key.pem`];
    const { url } = await serve(
      '--listen',
      '0.0.0.0:0',
      '--token-file',
      tokenFileIn(sandbox.current),
      ...tls,
    );
    expect(url).toMatch(/^https:\/\/0\.0\.0\.0:\d+\/$/);
    const here = url.replace('0.0.0.0', '127.0.0.1');
    const agent = new Agent({ ca: (await execa('cat', [`${dir}/cert.pem`])).stdout });
    expect(await statusOf(here, '/api/v1/compartments', { agent, headers: AUTHORIZED })).toBe(200);
    expect(await statusOf(here, '/api/v1/compartments', { agent })).toBe(401);
    await expect(ask(here, '/healthz')).rejects.toThrow(/self-signed/);
    await expect(ask(here.replace('https', 'http'), '/healthz')).rejects.toThrow();
  });

  withLimits('wrong flags and files are refused, each with a way out', async () => {
    const open = fileIn(sandbox.current, 'open', TOKEN, 0o644);
    const text = fileIn(sandbox.current, 'text', 'no certificate');
    const cases: Array<[string[], string]> = [
      [['--listen', 'example.org:80'], '--listen: "example.org:80" is no address and port'],
      [['--token-file', open], `--token-file: ${open} is open to others (mode 0644)`],
      [['--token-file', '/nowhere'], '--token-file: cannot read /nowhere: No such file or directory'],
      [['--allow-control'], '--allow-control wants --token-file'],
      [['--tls-cert', text], '--tls-cert wants --tls-key'],
      [['--tls-key', text], '--tls-key wants --tls-cert'],
      [['--tls-cert', text, '--tls-key', open], `--tls-key: ${open} is open to others (mode 0644)`],
    ];
    for (const [flags, message] of cases) {
      const { status, stdout, stderr } = await compart('serve', '--listen', '0', ...flags);
      const [first, second] = stderr.split('\n');
      expect({ status, stdout, first }).toEqual({ status: 2, stdout: '', first: `compart: ${message}` });
      expect(second).toMatch(/^compart: .{5}/);
    }
    const broken = await compart('serve', '--listen', '0', '--tls-cert', text, '--tls-key', text);
    expect(broken).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('both are PEM files of one pair'),
    });
  });
});

describe('control', () => {
  const json = { 'content-type': 'application/json' };
  const post = (url: string, path: string, body: unknown = {}, headers: object = {}): Promise<HttpAnswer> =>
    ask(
      url,
      `/api/v1/compartments/${path}`,
      { method: 'POST', headers: { ...json, ...AUTHORIZED, ...headers } },
      typeof body === 'string' ? body : JSON.stringify(body),
    );

  withLimits('is refused unless it was allowed, with the token or without', async () => {
    const { url } = await serve('--token-file', tokenFileIn(sandbox.current));
    await detach('job', [], 'sleep', '60');
    for (const verb of ['freeze', 'thaw', 'kill', 'set']) {
      const answer = await post(url, `job/${verb}`);
      expect([answer.status, errorIn(answer).code]).toEqual([403, 'ERR_HTTP_FORBIDDEN']);
    }
    expect((await inspect('job')).state).toBe('running');
    await compart('rm', '--force', 'job');
  });

  withLimits('freezes, thaws, sets and kills a real compartment, as the verbs do', async () => {
    const { url } = await serve('--token-file', tokenFileIn(sandbox.current), '--allow-control');
    await detach('job', ['--mem', '64M', '--cpu', '50%'], 'sleep', '60');
    expect((await post(url, 'job/freeze')).body).toBe('{"name":"job","frozen":true}\n');
    expect((await inspect('job')).state).toBe('frozen');
    await post(url, 'job/thaw');
    expect((await inspect('job')).state).toBe('running');
    const set = await post(url, 'job/set', { mem: '96M', cpu: '25%' });
    expect(set.status).toBe(200);
    const { subsystems } = await inspect('job');
    expect(subsystems.vm.limits['limitBytes']).toBe(96 * 2 ** 20);
    expect(subsystems.sched.limits['limitCpus']).toBe(0.25);
    expect(await post(url, 'job/kill')).toMatchObject({ status: 200, body: '{"name":"job","signal":9}\n' });
    await until('the end of job', async () => (await compart('inspect', 'job')).status === 125);
  });

  withLimits(
    'is refused without the token, from another origin, of another type, too long, or wrong',
    async () => {
      const { url } = await serve('--token-file', tokenFileIn(sandbox.current), '--allow-control');
      const { host } = new URL(url);
      await detach('job', ['--mem', '64M'], 'sleep', '60');
      const cases: Array<[Promise<HttpAnswer>, number, string]> = [
        [post(url, 'job/kill', {}, { authorization: '' }), 401, 'ERR_HTTP_UNAUTHORIZED'],
        [post(url, 'job/kill', {}, { origin: 'http://evil.example' }), 403, 'ERR_HTTP_FORBIDDEN'],
        [post(url, 'job/kill', {}, { origin: 'null' }), 403, 'ERR_HTTP_FORBIDDEN'],
        [post(url, 'job/kill', {}, { 'sec-fetch-site': 'cross-site' }), 403, 'ERR_HTTP_FORBIDDEN'],
        [post(url, 'job/kill', {}, { 'content-type': 'text/plain' }), 415, 'ERR_HTTP_TYPE'],
        [post(url, 'job/set', { mem: '9'.repeat(5000) }), 413, 'ERR_HTTP_BODY'],
        [post(url, 'job/set', '{"mem":'), 400, 'ERR_HTTP_BODY'],
        [post(url, 'job/set', '[1]'), 400, 'ERR_HTTP_BODY'],
        [post(url, 'job/set', '{"__proto__":"1M"}'), 400, 'ERR_COMPART_USAGE'],
        [post(url, 'job/set', { mem: 5 }), 400, 'ERR_COMPART_USAGE'],
        [post(url, 'job/set', { mem: '12X' }), 400, 'ERR_COMPART_USAGE'],
        [post(url, 'job/set', { constructor: '1M' }), 400, 'ERR_COMPART_USAGE'],
        [post(url, 'job/kill', { signal: 'NONE' }), 400, 'ERR_COMPART_USAGE'],
        [post(url, 'job/freeze', { signal: 'TERM' }), 400, 'ERR_COMPART_USAGE'],
        [post(url, 'other/kill'), 404, 'ERR_COMPART_NOT_FOUND'],
        [post(url, 'Job/kill'), 404, 'ERR_HTTP_NOT_FOUND'],
        [post(url, 'job/rm'), 404, 'ERR_HTTP_NOT_FOUND'],
      ];
      for (const [asked, status, code] of cases) {
        const answer = await asked;
        expect([answer.status, errorIn(answer).code]).toEqual([status, code]);
      }
      expect(await statusOf(url, '/api/v1/compartments/job/kill', { headers: AUTHORIZED })).toBe(405);
      expect((await inspect('job')).state).toBe('running');
      expect((await inspect('job')).subsystems.vm.limits['limitBytes']).toBe(64 * 2 ** 20);
      expect((await post(url, 'job/freeze', {}, { origin: `http://${host}` })).status).toBe(200);
      await compart('rm', '--force', 'job');
    },
  );
});
