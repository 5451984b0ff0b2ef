import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { launch, plan } from './launcher.js';

const ran = ['/bin/echo', 'ran'];

async function refusal(bytes: Buffer): Promise<string> {
  const ended = await launch(bytes, ran);
  expect(ended).toMatchObject({ code: 125, stdout: '', stderr: '' });
  return ended.result;
}

describe('a plan', () => {
  it('is refused in every one of its prefixes', async () => {
    const whole = plan('setsid=1', 'env=A=b', 'workdir=/');
    for (let size = 0; size < whole.length; size++)
      expect(await refusal(whole.subarray(0, size))).toMatch(/^fail plan \d+ .+\n$/);
    expect(await launch(whole, ran)).toMatchObject({ code: 0, stdout: 'ran\n' });
  });

  it('is refused when it is random bytes, with or without a header', async () => {
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(garbage, fc.boolean(), async (bytes, headed) => {
        const head = headed ? 'compart-plan/1\0' : '';
        expect(await refusal(Buffer.concat([Buffer.from(head), bytes]))).toMatch(/^fail plan /);
      }),
      { numRuns: 40 },
    );
  });

  it('may be 1 MiB long and is refused at 9 MiB', async () => {
    const value = 'x'.repeat(100 * 1024);
    const records = Array.from({ length: 10 }, (_, i) => `env=V${String(i)}=${value}`);
    expect((await launch(plan(...records), ran)).stdout).toBe('ran\n');
    const nine = plan(`env=A=${'x'.repeat(9 * 1024 * 1024)}`);
    expect(await refusal(nine)).toBe('fail plan 7 plan too long\n');
  });

  it('is read no further than its end, so that the writer may keep its side open', async () => {
    const ended = await launch(plan('setsid=1'), ran, { keepPlanOpen: true });
    expect(ended).toMatchObject({ code: 0, stdout: 'ran\n' });
  });

  const cases: [string, Buffer, string][] = [
    ['another version', Buffer.from('compart-plan/2\0end\0'), '22 no compart-plan/1 header'],
    ['bytes after the end', Buffer.from('compart-plan/1\0end\0x\0'), '22 bytes after the end'],
    ['an empty record', plan(''), '22 unknown key'],
    ['an unknown key', plan('secret=1'), '22 unknown key: secret'],
    ['a key without a value', plan('setsid'), '22 no value: setsid'],
    ['a flag other than 1', plan('nnp=yes'), '22 malformed value: nnp'],
    ['a flag of nothing', plan('hold='), '22 malformed value: hold'],
    ['a key given twice', plan('uid=1', 'uid=1'), '17 given twice: uid'],
    ['a namespace type given twice', plan('ns=net:/a', 'ns=net:/b'), '17 given twice: ns'],
    ['33 cgroups', plan(...Array<string>(33).fill('cgroup=/a')), '7 too many: cgroup'],
    ['an empty cgroup', plan('cgroup='), '22 malformed value: cgroup'],
    ['a namespace of no type', plan('ns=/proc/1/ns/net'), '22 malformed value: ns'],
    ['a namespace of an unknown type', plan('ns=nets:/a'), '22 malformed value: ns'],
    ['a namespace without a path', plan('ns=net:'), '22 malformed value: ns'],
    ['the uid that means none', plan('uid=4294967295'), '34 number out of range: uid'],
    ['the gid that means none', plan('gid=4294967295'), '34 number out of range: gid'],
    ['a group that means none', plan('groups=1,4294967295'), '34 number out of range: groups'],
    ['a uid beyond 64 bits', plan('uid=18446744073709551617'), '34 number out of range: uid'],
    ['a negative uid', plan('uid=-1'), '22 malformed value: uid'],
    ['a uid with a space', plan('uid= 1'), '22 malformed value: uid'],
    ['an empty uid', plan('uid='), '22 malformed value: uid'],
    ['a group list with a hole', plan('groups=1,,2'), '22 malformed value: groups'],
    ['a group list with a tail', plan('groups=1,'), '22 malformed value: groups'],
    ['a variable without a name', plan('env==x'), '22 malformed value: env'],
    ['a variable without a value', plan('env=A'), '22 malformed value: env'],
    ['the value of a variable to unset', plan('unsetenv=A=1'), '22 malformed value: unsetenv'],
    ['a sysctl without ns=net', plan('sysctl=net/a:1'), '22 needs ns=net: sysctl'],
    ...['kernel/panic:1', 'net:1', 'net/:1', 'net/a', 'net/a:', 'net/../kernel/panic:1', 'net//a:1', 'net/a/:1', 'net/A:1', 'net/a.b:1', '/net/a:1'].map(
      (value): [string, Buffer, string] => [
        `the sysctl ${value}`,
        plan('ns=net:/proc/self/ns/net', `sysctl=${value}`),
        '22 malformed value: sysctl',
      ],
    ),
    ['33 sysctls', plan('ns=net:/a', ...Array<string>(33).fill('sysctl=net/a:1')), '7 too many: sysctl'],
    ['a user namespace without a gid', plan('userns=1'), '22 malformed value: userns'],
    ['a user namespace without a uid', plan('userns=:1'), '22 malformed value: userns'],
    ['a user namespace with a tail', plan('userns=1:1:1'), '22 malformed value: userns'],
    ['a user namespace for none', plan('userns=4294967295:1'), '34 number out of range: userns'],
    ['two user namespaces', plan('userns=1:1', 'userns=1:1'), '17 given twice: userns'],
    ['a bind without a source', plan('bind=/etc/hosts'), '22 malformed value: bind'],
    ['a bind of nothing', plan('bind=/etc/hosts:'), '22 malformed value: bind'],
    ['a bind over nothing', plan('bind=:/etc/hosts'), '22 malformed value: bind'],
    ['a bind of a relative path', plan('bind=/etc/hosts:hosts'), '22 malformed value: bind'],
    ['33 binds', plan(...Array<string>(33).fill('bind=/a:/b')), '7 too many: bind'],
    ['capability 64', plan('capdrop=64'), '34 number out of range: capdrop'],
    ['a capability by name', plan('capdrop=net_admin'), '22 malformed value: capdrop'],
    ['an empty workdir', plan('workdir='), '22 malformed value: workdir'],
    ['signal 0', plan('sigignore=0'), '34 number out of range: sigignore'],
    ['signal 65', plan('sigignore=65'), '34 number out of range: sigignore'],
    ['SIGKILL ignored', plan('sigignore=9'), '34 number out of range: sigignore'],
    ['finish without monitor', plan('finish=x'), '22 needs monitor=1: finish'],
    ['a timeout without monitor', plan('timeout_ms=1', 'expire=x'), '22 needs monitor=1: timeout_ms'],
    ['a timeout of 0', plan('monitor=1', 'timeout_ms=0', 'expire=x'), '34 number out of range: timeout_ms'],
    ['a timeout without expire', plan('monitor=1', 'timeout_ms=1'), '22 timeout_ms and expire go together'],
    ['a finish command without a name', plan('monitor=1', 'finish='), '22 malformed value: finish'],
    ['65536 records', plan(...Array<string>(65536).fill('sigignore=1')), '7 too many records'],
  ];
  it.each(cases)('with %s is refused', async (_name, bytes, detail) => {
    expect(await refusal(bytes)).toBe(`fail plan ${detail}\n`);
  });
});
