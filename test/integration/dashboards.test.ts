import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { committed } from '../support/boards.js';
import { allQueries } from '../support/queries.js';
import { requires } from '../support/requires.js';
import { useSandbox, type Answer } from '../support/sandbox.js';
import type { ErrorAnswer } from '../support/shapes.js';

const sandbox = useSandbox();
const RULES = new URL('../../dashboards/rules/', import.meta.url).pathname;
const NOBODY = { uid: 65534, gid: 65534 };

const promtool = async (...words: string[]): Promise<{ status: number; text: string }> => {
  const { exitCode, all } = await execa('promtool', words, { reject: false, all: true });
  return { status: exitCode ?? -1, text: all };
};
const dashboards = (...words: string[]): Promise<Answer> =>
  sandbox.current.compart(['dashboards', ...words], { cwd: sandbox.current.dir });
const filesBelow = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(dir.length + 1))
    .sort();

const ALL = [
  ...['compartment', 'exporter', 'guest', 'network', 'overview'].map((name) => `${name}.json`),
  ...['dashboards', 'datasource', 'prometheus'].map((name) => `provisioning/${name}.yml`),
  ...['alerts.test', 'alerts', 'recording.test', 'recording'].map((name) => `rules/${name}.yml`),
];

describe('promtool', () => {
  const check = requires('promtool');

  check.each(['alerts', 'recording'])('check rules takes %s.yml', async (name) => {
    expect(await promtool('check', 'rules', `${RULES}${name}.yml`)).toMatchObject({ status: 0 });
  });

  check.each(['alerts', 'recording'])('test rules passes %s.test.yml', async (name) => {
    const { status, text } = await promtool('test', 'rules', `${RULES}${name}.test.yml`);
    expect({ status, text }).toEqual({ status: 0, text: expect.stringContaining('SUCCESS') });
  });

  check.each([
    ['> 0.9$', '> 0.92', 'CompartMemoryNearLimit'],
    ['> 0.9$', '> 0.89', 'CompartMemoryNearLimit'],
    ['for: 1h', 'for: 2h', 'CompartFrozenLong'],
    ['\\[15m\\]\\) > 3', '[15m]) > 2', 'CompartRestartLoop'],
    ['for: 15m', 'for: 14m', 'CompartBandwidthSaturated'],
    ['and ignoring', 'or ignoring', 'CompartCPUThrottled'],
  ])('test rules fails where %s is made %s', async (was, is, alert) => {
    const { dir } = sandbox.current;
    const spoilt = committed('rules/alerts.yml').replace(new RegExp(was, 'gm'), is);
    writeFileSync(`${dir}/alerts.yml`, spoilt);
    writeFileSync(`${dir}/alerts.test.yml`, committed('rules/alerts.test.yml'));
    const { status, text } = await promtool('test', 'rules', `${dir}/alerts.test.yml`);
    expect({ status, text }).toEqual({ status: 1, text: expect.stringContaining(alert) });
  });

  check('takes every query of every panel, variable, annotation and rule, types included', async () => {
    const chosen = { job: 'compart', instance: '.+', compartment: '.+', rateInterval: '1m', range: '1h' };
    const record = allQueries(chosen).map(({ expr }, index) => ({ record: `query_${index}`, expr }));
    const file = `${sandbox.current.dir}/queries.yml`;
    writeFileSync(file, stringify({ groups: [{ name: 'queries', rules: record }] }));
    const { status, text } = await promtool('check', 'rules', file);
    expect({ status, text }).toEqual({ status: 0, text: expect.stringContaining(`${record.length} rules`) });
  });

  check('takes prometheus.yml as it is copied, and with the TLS job brought in', async () => {
    await dashboards();
    const file = `${sandbox.current.dir}/compart-dashboards/provisioning/prometheus.yml`;
    expect(await promtool('check', 'config', file)).toMatchObject({ status: 0 });
    const text = readFileSync(file, 'utf8');
    const job = text.indexOf('  # - job_name');
    writeFileSync(file, text.slice(0, job) + text.slice(job).replace(/^ {2}# /gm, '  '));
    expect(readFileSync(file, 'utf8')).toMatch(/^ {2}- job_name: compart-remote\n {4}scheme: https$/m);
    expect(await promtool('check', 'config', '--syntax-only', file)).toMatchObject({ status: 0 });
  });
});

describe('compart dashboards', () => {
  it('writes 12 files into ./compart-dashboards and names each; all are those of the project', async () => {
    const { status, stdout, stderr } = await dashboards();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(ALL.map((file) => `wrote  compart-dashboards/${file}\n`).join(''));
    const dir = `${sandbox.current.dir}/compart-dashboards`;
    expect(filesBelow(dir)).toEqual([...ALL].sort());
    for (const file of ALL) expect(readFileSync(`${dir}/${file}`, 'utf8')).toBe(committed(file));
  });

  it('called again leaves all as it is, and writes back the one that was removed', async () => {
    const { dir } = sandbox.current;
    await dashboards('--out', 'a/b');
    const before = statSync(`${dir}/a/b/guest.json`).mtimeMs;
    rmSync(`${dir}/a/b/rules/alerts.yml`);
    const answer = await dashboards('--out', 'a/b', '--json');
    const { out, files } = JSON.parse(answer.stdout) as {
      out: string;
      files: Array<Record<string, unknown>>;
    };
    expect(out).toBe(`${dir}/a/b`);
    expect(files).toEqual(ALL.map((file) => ({ file, written: file === 'rules/alerts.yml' })));
    expect(statSync(`${dir}/a/b/guest.json`).mtimeMs).toBe(before);
  });

  it('refuses where a file differs and writes nothing, also what is missing; --force overwrites', async () => {
    const { dir } = sandbox.current;
    mkdirSync(`${dir}/own/rules`, { recursive: true });
    writeFileSync(`${dir}/own/rules/alerts.yml`, 'groups: []\n');
    const { status, stdout, stderr } = await dashboards('--out', 'own', '--json');
    expect({ status, stdout, error: (JSON.parse(stderr) as ErrorAnswer).error }).toEqual({
      status: 125,
      stdout: '',
      error: {
        code: 'ERR_COMPART_EXISTS',
        message: 'own has files that differ: rules/alerts.yml',
        hint: '--force overwrites them; --out names another folder',
      },
    });
    expect(filesBelow(`${dir}/own`)).toEqual(['rules/alerts.yml']);
    expect(readFileSync(`${dir}/own/rules/alerts.yml`, 'utf8')).toBe('groups: []\n');
    expect((await dashboards('--out', 'own', '--force')).status).toBe(0);
    expect(filesBelow(`${dir}/own`)).toEqual([...ALL].sort());
    expect(readFileSync(`${dir}/own/rules/alerts.yml`, 'utf8')).toBe(committed('rules/alerts.yml'));
  });

  it.each<[string, string, string]>([
    ['a file', 'file', 'Not a directory'],
    ['below a file', 'file/below', 'Not a directory'],
    ['where nothing can be made', '/proc/nowhere', 'No such file or directory'],
    ['a folder in which overview.json is a folder', 'odd', 'Is a directory'],
    ['a link that leads nowhere', 'nowhere', 'File exists'],
  ])('refuses a DIR that is %s: %s, 2', async (_what, out, reason) => {
    const { dir } = sandbox.current;
    writeFileSync(`${dir}/file`, '');
    mkdirSync(`${dir}/odd/overview.json`, { recursive: true });
    await execa('ln', ['-s', 'no/such/place', `${dir}/nowhere`]);
    const { status, stdout, stderr } = await dashboards('--out', out);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(
        `^compart: --out: cannot write "${out}/\\S+": ${reason}\ncompart: name a folder that can be written\n$`,
      ),
    );
  });

  requires('root')('refuses a DIR that the caller may not write: 2, Permission denied', async () => {
    const { dir, compart } = sandbox.current;
    mkdirSync(`${dir}/locked`, { mode: 0o755 });
    chmodSync(dir, 0o755);
    const answer = await compart(['dashboards', '--out', `${dir}/locked`, '--json'], NOBODY);
    expect({ status: answer.status, stdout: answer.stdout }).toEqual({ status: 2, stdout: '' });
    expect((JSON.parse(answer.stderr) as ErrorAnswer).error.message).toBe(
      `--out: cannot write "${dir}/locked/compartment.json": Permission denied`,
    );
    expect(filesBelow(`${dir}/locked`)).toEqual([]);
  });
});
