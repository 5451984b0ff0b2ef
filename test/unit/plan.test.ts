import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodePlan, launchError, parseReport, type LaunchPlan } from '../../src/host/plan.js';
import { said } from './units/wrong.js';

const records = (plan: LaunchPlan): string[] => encodePlan(plan).toString('utf8').split('\0');

describe('encodePlan', () => {
  it('is a header, records and an end, each closed by NUL', () => {
    expect(encodePlan({ cgroups: [] })).toEqual(Buffer.from('compart-plan/1\0end\0'));
    expect(
      encodePlan({ cgroups: ['/sys/fs/cgroup/a/cgroup.procs'], workdir: '/', env: { A: 'b c' } }),
    ).toEqual(
      Buffer.from('compart-plan/1\0cgroup=/sys/fs/cgroup/a/cgroup.procs\0workdir=/\0env=A=b c\0end\0'),
    );
  });

  it('says everything that a launch can want, in the order of its steps', () => {
    const plan: LaunchPlan = {
      cgroups: ['/a', '/b'],
      namespaces: [{ type: 'net', path: '/proc/1/ns/net' }],
      sysctls: [{ name: 'net/ipv4/ping_group_range', value: '0 2147483647' }],
      userns: { uid: 1000, gid: 100 },
      binds: [{ target: '/etc/hosts', source: '/run/compart/a:b/hosts' }],
      capDrop: [12, 21],
      hold: true,
      setsid: true,
      credentials: { uid: 1000, gid: 100, groups: [100, 27] },
      noNewPrivs: true,
      workdir: '/tmp',
      env: { A: '', B: 'x=y\n' },
      monitor: { timeoutMs: 1500, finish: ['compart', 'finish-run'], expire: ['compart'] },
    };
    expect(records(plan)).toEqual([
      'compart-plan/1',
      'hold=1',
      'monitor=1',
      'timeout_ms=1500',
      'finish=compart',
      'finish=finish-run',
      'expire=compart',
      'setsid=1',
      'cgroup=/a',
      'cgroup=/b',
      'ns=net:/proc/1/ns/net',
      'sysctl=net/ipv4/ping_group_range:0 2147483647',
      'userns=1000:100',
      'bind=/etc/hosts:/run/compart/a:b/hosts',
      'capdrop=12',
      'capdrop=21',
      'groups=100,27',
      'gid=100',
      'uid=1000',
      'nnp=1',
      'workdir=/tmp',
      'env=A=',
      'env=B=x=y\n',
      'end',
      '',
    ]);
  });

  it('leaves out what is false, and the time of a monitor without one', () => {
    expect(
      records({
        cgroups: [],
        hold: false,
        setsid: false,
        noNewPrivs: false,
        monitor: { timeoutMs: null, finish: [], expire: [] },
      }),
    ).toEqual(['compart-plan/1', 'monitor=1', 'end', '']);
  });

  it('lets no value end a record and start one of its own', () => {
    const { code, message } = said(() => encodePlan({ cgroups: [], env: { A: 'x\0uid=0' } }));
    expect([code, message]).toEqual(['ERR_COMPART_USAGE', 'env: a NUL character is in "A=x\\u0000uid=0"']);
  });

  it('keeps every value without a NUL as it is', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
    fc.assert(
      fc.property(text, text, (workdir, value) => {
        expect(records({ cgroups: [], workdir, env: { A: value } })).toEqual([
          'compart-plan/1',
          `workdir=${workdir}`,
          `env=A=${value}`,
          'end',
          '',
        ]);
      }),
    );
  });
});

describe('parseReport', () => {
  it.each([
    ['', null, null],
    ['ready\nexec\n', null, null],
    ['pid 4711\nready\nexec\n', 4711, null],
    ['fail exec 2 nosuch\n', null, { step: 'exec', errno: 2, detail: 'nosuch' }],
    ['pid 7\nfail workdir 13 /root/a b\n', 7, { step: 'workdir', errno: 13, detail: '/root/a b' }],
    ['fail plan 22\n', null, { step: 'plan', errno: 22, detail: '' }],
    ['nonsense\npid x\nfail\n', null, null],
  ])('reads %j', (text, pid, failure) => {
    expect(parseReport(text)).toEqual({ pid, failure });
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseReport(text)));
  });
});

describe('launchError', () => {
  const error = (step: string, exitCode: number, detail: string, reason: string): unknown[] => {
    const {
      code,
      exitCode: status,
      message,
      hint,
    } = launchError({ step, errno: 1, detail }, exitCode, reason);
    return [code, status, message, hint];
  };

  it('is 127 for a command that was not found', () => {
    expect(error('exec', 127, 'nosuch', 'No such file or directory')).toEqual([
      'ERR_COMPART_COMMAND_NOT_FOUND',
      127,
      'nosuch: command not found',
      'give its path, or add its directory to PATH',
    ]);
    expect(error('exec', 127, '', 'No such file or directory')[2]).toBe('"": command not found');
  });

  it('is 126 for one that was found and cannot be executed', () => {
    expect(error('exec', 126, '/etc/passwd', 'Permission denied')).toEqual([
      'ERR_COMPART_NOT_EXECUTABLE',
      126,
      'cannot execute /etc/passwd: Permission denied',
      'it must be a file with execute permission, in a format that this host runs',
    ]);
  });

  it.each([
    ['workdir', '/nowhere', 'cannot change to the directory /nowhere: No such file or directory'],
    ['cgroup', '/sys/fs/cgroup/a', 'cannot join the group /sys/fs/cgroup/a: No such file or directory'],
    ['sysctl', 'net/a:1', 'cannot set the parameter net/a:1: No such file or directory'],
    ['userns', '1:1', 'cannot make a user namespace for 1:1: No such file or directory'],
    ['bind', '/a:/b', 'cannot bind the files /a:/b: No such file or directory'],
    ['capdrop', '12', 'cannot drop the capability 12: No such file or directory'],
    ['uid', '1000', 'cannot set the user id 1000: No such file or directory'],
    ['other', 'x', 'cannot other x: No such file or directory'],
  ])('is 125 for a failure at %s, before the command', (step, detail, message) => {
    expect(error(step, 125, detail, 'No such file or directory').slice(0, 3)).toEqual([
      'ERR_COMPART_LAUNCH',
      125,
      message,
    ]);
  });

  it('says what --workdir wants', () => {
    expect(error('workdir', 125, '/x', 'x')[3]).toBe(
      '--workdir wants a directory that exists and that the user may enter',
    );
  });
});
