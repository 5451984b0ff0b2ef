import { chmodSync, mkdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { launch, plan, until, withFolder } from './launcher.js';
import { publicCopy, withNamespaces } from './namespaces.js';

const sh = (script: string): string[] => ['/bin/sh', '-c', script];
const withRoot = requires('root');
const nobody = 65534;

describe('ids', () => {
  withRoot('are all set, real, effective and saved, and the supplementary groups replaced', async () => {
    const { stdout } = await launch(plan('groups=20,5,30', 'gid=1234', 'uid=1235'), [
      'grep',
      '-E',
      '^(Uid|Gid|Groups|CapEff):',
      '/proc/self/status',
    ]);
    const four = (id: number): string => Array(4).fill(String(id)).join('\t');
    expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
      `Uid:\t${four(1235)}`,
      `Gid:\t${four(1234)}`,
      'Groups:\t5 20 30',
      'CapEff:\t0000000000000000',
      '',
    ]);
  });

  withRoot('lose every supplementary group with an empty list', async () => {
    const command = ['grep', '^Groups:', '/proc/self/status'];
    expect((await launch(plan('groups='), command)).stdout.trim()).toBe('Groups:');
  });

  withRoot('decide whether workdir may be entered', () =>
    withFolder(async (folder) => {
      chmodSync(folder, 0o700);
      const records = [`workdir=${folder}`, 'groups=', `gid=${String(nobody)}`, `uid=${String(nobody)}`];
      expect((await launch(plan(...records), ['true'])).result).toBe(`fail workdir 13 ${folder}\n`);
    }));

  withRoot.each([
    ['uid=0', 'fail uid 1 0\n'],
    ['gid=0', 'fail gid 1 0\n'],
    ['groups=0', 'fail groups 1 0\n'],
  ])('are refused to one who is nobody: %s', (record, result) =>
    withFolder(async (folder) => {
      const program = publicCopy(folder);
      const ended = await launch(plan(record), ['true'], { program, uid: nobody, gid: nobody });
      expect(ended).toMatchObject({ code: 125, result });
    }),
  );
});

const hierarchy = '/sys/fs/cgroup/pids';
const withCgroup = requires('root', 'cgroup-v1', 'cgroup-pids');

describe('cgroups', () => {
  const name = `compart-test-native-${String(process.pid)}`;

  async function withGroup(use: (path: string, procs: string) => Promise<void>): Promise<void> {
    const path = join(hierarchy, name);
    mkdirSync(path);
    try {
      await use(path, join(path, 'cgroup.procs'));
    } finally {
      await until(() => readFileSync(join(path, 'cgroup.procs'), 'utf8') === '');
      rmdirSync(path);
    }
  }

  withCgroup('are joined before the command is, and before its uid is dropped', () =>
    withGroup(async (_path, procs) => {
      const records = [`cgroup=${procs}`, 'groups=', `gid=${String(nobody)}`, `uid=${String(nobody)}`];
      const { stdout } = await launch(plan(...records), ['cat', '/proc/self/cgroup']);
      expect(stdout).toMatch(new RegExp(`:pids:.*/${name}\\n`));
    }));

  withCgroup('hold the command and not its monitor', () =>
    withGroup(async (_path, procs) => {
      await launch(plan('monitor=1', `cgroup=${procs}`), ['sleep', '60'], {
        during: async (launched) => {
          const [, pid] = await launched.says(/^pid (\d+)\nexec\n$/);
          expect(readFileSync(procs, 'utf8')).toBe(`${String(pid)}\n`);
          launched.result.end();
          process.kill(Number(pid), 'SIGKILL');
        },
      });
    }));
});

describe('namespaces', () => {
  withRoot('are entered, and those not named are kept', () =>
    withNamespaces({}, ['--net', '--uts', '--ipc'], async (path) => {
      const records = ['net', 'uts'].map((type) => `ns=${type}:${path(type)}`);
      const { stdout } = await launch(
        plan(...records),
        sh('readlink /proc/self/ns/net /proc/self/ns/uts /proc/self/ns/ipc'),
      );
      const expected = [path('net'), path('uts'), '/proc/self/ns/ipc'].map((file) => readlinkSync(file));
      expect(stdout.trim().split('\n')).toEqual(expected);
    }));

  requires('root', 'setpriv', 'unshare', 'user-namespaces')('are entered through their user namespace, wherever it stands in the plan', () =>
    withFolder(async (folder) => {
      const options = { uid: nobody, gid: nobody };
      await withNamespaces(options, ['--user', '--map-root-user', '--net'], async (path) => {
        const records = ['net', 'user'].map((type) => `ns=${type}:${path(type)}`);
        const program = publicCopy(folder);
        const links = sh('readlink /proc/self/ns/net; id -u');
        const both = await launch(plan(...records), links, { ...options, program });
        const alone = await launch(plan(records[0] ?? ''), links, { ...options, program });
        expect(both).toMatchObject({ stdout: `${readlinkSync(path('net'))}\n0\n` });
        expect(alone).toMatchObject({ code: 125, result: `fail ns 1 net:${path('net')}\n` });
      });
    }),
  );
});
