import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { requires } from '../support/requires.js';
import { records, TYPE } from './frames.js';
import { withGuest, type Guest, type Shape } from './linked-guests.js';

const MIB = 1024 * 1024;
const UML = ['uml', 'setpriv', 'taskset'];
const sh = (script: string): string[] => ['/bin/sh', '-c', script];
const text = async (guest: Guest, script: string, ...besides: string[]): Promise<string> =>
  (await guest.run(sh(script), besides)).stdout.toString();

/** A guest that has said HELLO, and has to power off cleanly afterwards. */
function inGuest(use: (guest: Guest, hello: Record<string, string>) => Promise<void>, shape: Shape = {}): () => Promise<void> {
  return () =>
    withGuest(shape, async (guest) => {
      const hello = await guest.next();
      await use(guest, hello);
      expect([await guest.powerOff(), guest.console.match(/^compart-init.*$/gm)]).toEqual([0, null]);
    });
}

describe('compart-init, of a guest that is up', () => {
  requires(...UML)(
    'says hello first: its version, its kernel, and when it was how far',
    inGuest(async (guest, hello) => {
      expect(hello['version']).toBe('1');
      expect(hello['release']).toBe((await text(guest, 'uname -r')).trim());
      const [kernel = 0, init = 0, ready = 0] = ['kernel_us', 'init_us', 'ready_us'].map((key) => Number(hello[key]));
      expect(kernel).toBeGreaterThan(1000);
      expect(init).toBeGreaterThan(kernel);
      expect(ready).toBeGreaterThanOrEqual(init);
      expect(ready - kernel).toBeLessThan(1e6);
    }),
  );

  requires(...UML)(
    'passes 100 MiB of random bytes through cat unchanged, and 4 MiB with every 50th packet lost',
    async () => {
      const check = (bytes: Buffer) => async (guest: Guest): Promise<void> => {
        const { status, stdout } = await guest.run(['cat'], [], bytes);
        expect([status, stdout.length]).toEqual([0, bytes.length]);
        const sums = [stdout, bytes].map((data) => createHash('sha256').update(data).digest('hex'));
        expect(sums[0]).toBe(sums[1]);
      };
      await inGuest(check(randomBytes(100 * MIB)))();
      await inGuest(check(randomBytes(4 * MIB)), { lose: 50 })();
    },
  );

  requires(...UML)(
    'runs commands: two outputs, an input with an end, a status, a signal',
    inGuest(async (guest) => {
      const ended = await guest.run(sh('cat; echo err >&2; exit 7'), [], 'in');
      expect([ended.status >> 8, ended.stdout.toString(), ended.stderr.toString()]).toEqual([7, 'in', 'err\n']);
      expect((await guest.run(sh('kill -KILL $$'))).status).toBe(9);
      expect((await guest.run(['true'])).status).toBe(0);
      const first = guest.start(['sleep', '1000']);
      const second = guest.start(sh('trap "echo caught; exit 3" USR1; echo ready; while :; do sleep 0.01; done'));
      await second.says(/ready/);
      second.signal(10);
      expect((await second.ended).status).toBe(3 << 8);
      first.signal(15);
      expect((await first.ended).status).toBe(15);
      expect([first, second].map(({ ends, late }) => [ends, late])).toEqual([[[0, 1, 1], 0], [[0, 1, 1], 0]]);
    }),
  );

  requires(...UML)(
    'says why a command does not start, with the statuses of env(1)',
    inGuest(async (guest) => {
      const why = async (argv: string[], ...besides: string[]): Promise<(string | undefined)[]> => {
        const { failed } = await guest.run(argv, besides);
        return ['step', 'errno', 'detail', 'status'].map((key) => failed?.[key]);
      };
      expect(await why(['nowhere'])).toEqual(['exec', '2', 'nowhere', '127']);
      expect(await why(['/etc/passwd'])).toEqual(['exec', '13', '/etc/passwd', '126']);
      expect(await why(['/nowhere/x'])).toEqual(['exec', '2', '/nowhere/x', '127']);
      expect(await why(['true'], 'workdir=/nowhere')).toEqual(['workdir', '2', '/nowhere', '125']);
      expect(await why(['true'], 'user=nobody-at-all')).toEqual(['user', '2', 'nobody-at-all', '125']);
      expect(await why(['true'], 'user=daemon:no-group')).toEqual(['user', '2', 'daemon:no-group', '125']);
      expect(await why(['true'], 'color=red')).toEqual(['plan', '22', 'a record of no known key', '125']);
      expect(await why([])).toEqual(['plan', '22', 'no command', '125']);
    }),
  );

  requires(...UML)(
    'gives a command its user, groups, folder and environment',
    inGuest(async (guest) => {
      const passwd = 'echo "ann:x:1234:1234::/home/ann:/bin/sh" >> /etc/passwd';
      const group = 'printf "ann:x:1234:\\nred:x:77:bob,ann\\nblue:x:78:annx\\n" >> /etc/group';
      await guest.run(sh(`${passwd}; ${group}; mkdir -p /home/ann`));
      const id = 'echo $(id -u):$(id -g):$(id -G):$HOME';
      expect(await text(guest, id)).toBe('0:0:0:/root\n');
      expect(await text(guest, id, 'user=ann')).toBe('1234:1234:1234 77:/home/ann\n');
      expect(await text(guest, id, 'user=1234')).toBe('1234:1234:1234 77:/home/ann\n');
      expect(await text(guest, id, 'user=ann:red')).toBe('1234:77:77:/home/ann\n');
      expect(await text(guest, id, 'user=4000')).toBe('4000:4000:4000:/\n');
      expect(await text(guest, id, 'user=4000:5')).toBe('4000:5:5:/\n');
      expect(await text(guest, 'pwd')).toBe('/\n');
      expect(await text(guest, 'pwd', 'workdir=/usr/bin')).toBe('/usr/bin\n');
      const env = async (...besides: string[]): Promise<string> =>
        (await guest.run(['/usr/bin/env'], besides)).stdout.toString();
      const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
      expect(await env('env=A=1=2', 'env=TERM=dumb')).toBe(`${path}\nTERM=dumb\nHOME=/root\nA=1=2\n`);
      expect(await env('clearenv=1', 'env=B=')).toBe('B=\n');
      expect(await text(guest, 'cat /proc/self/oom_score_adj; ulimit -c; umask; hostname')).toMatch(/^0\n.*\n0022\nguest\n$/);
      expect((await text(guest, 'cat /proc/self/status')).match(/^(Sig[PBIC]|Shd).*[1-9a-f]$/gm)).toBeNull();
      expect(await text(guest, 'ls /proc/self/fd')).toBe('0\n1\n2\n3\n');
    }),
  );

  requires(...UML)(
    'serves 20 commands at once, none of which waits for a slow one',
    inGuest(async (guest) => {
      const slow = guest.start(sh('head -c 3000000 /dev/zero'));
      slow.paying = false;
      const many = Array.from({ length: 20 }, (_, at) => guest.run(sh(`cat; sleep 0.2; exit ${at}`), [], `input ${at}`));
      const ended = await Promise.all(many);
      expect(ended.map(({ status, stdout }) => `${status >> 8} ${stdout.toString()}`)).toEqual(
        Array.from({ length: 20 }, (_, at) => `${at} input ${at}`),
      );
      expect(slow.stdout.length).toBe(256 * 1024);
      slow.paying = true;
      slow.pay(256 * 1024);
      expect((await slow.ended).stdout.length).toBe(3000000);
    }),
  );

  requires(...UML)(
    'gives a command a terminal of the asked size that can be resized, interrupted and ended',
    inGuest(async (guest) => {
      const shell = guest.start(['sh', '-i'], 'tty=24x80', 'env=PS1=$ ', 'user=daemon');
      const press = (keys: string): Promise<void> => shell.write(Buffer.from(keys));
      // What is typed before the prompt is echoed before it, too.
      const type = (line: string): Promise<void> => shell.says(/\$ $/).then(() => press(line));
      await type('stty size; tty; ls -l $(tty)\n');
      await shell.says(/24 80\r\n\/dev\/pts\/0\r\ncrw--w---- \d+ daemon tty/);
      shell.resize(50, 132);
      await type('stty size\n');
      await shell.says(/50 132\r\n/);
      const loop = 'while :; do sleep 0.01; done';
      await type(`sh -c 'trap "echo interrupted; exit" INT; echo set; ${loop}'\n`);
      await shell.says(/\nset\r\n/);
      await press('\u0003');
      await shell.says(/\^Cinterrupted\r\n/);
      await type('cat\n');
      await shell.says(/\$ cat\r\n$/);
      await press('half');
      shell.end();
      await shell.says(/halfhalf\$ $/);
      shell.hangUp();
      expect((await shell.ended).status).toBe(1);
    }),
  );

  requires(...UML)(
    'passes on all that a command printed, and a while what it left behind, but does not wait for that',
    inGuest(async (guest) => {
      const began = Date.now();
      const left = await guest.run(sh('head -c 50000 /dev/zero; sleep 1000 & (sleep 0.1; echo last words) & exit 4'));
      expect([left.status >> 8, left.stdout.length, left.stdout.subarray(50000).toString()]).toEqual([4, 50011, 'last words\n']);
      const chatty = await guest.run(sh('while sleep 0.02; do echo still here || exit; done & exit 5'));
      expect([chatty.status >> 8, chatty.stdout.toString().slice(0, 10)]).toEqual([5, 'still here']);
      expect(Date.now() - began).toBeLessThan(10_000);
      const slow = guest.start(sh('head -c 320000 /dev/zero; sleep 1000 & exit 6'));
      slow.paying = false;
      while (slow.stdout.length < 256 * 1024) await slow.news();
      await new Promise((resolve) => setTimeout(resolve, 2500));
      slow.paying = true;
      slow.pay(256 * 1024);
      const ended = await slow.ended;
      expect([ended.status >> 8, ended.stdout.length]).toEqual([6, 320000]);
    }),
  );

  requires(...UML)(
    'ends a command whose client is gone, after 2 s by force, and all of its session',
    inGuest(async (guest) => {
      const count = async (): Promise<number> => Number(await text(guest, 'pgrep -c "^sleep" || true'));
      const mild = guest.start(sh('sleep 1001 & yes'));
      const stubborn = guest.start(sh('trap "" HUP; sleep 1002 & sleep 1003'));
      await mild.says(/y/);
      while ((await count()) < 3);
      mild.hangUp();
      expect((await mild.ended).status).toBe(1);
      const began = Date.now();
      stubborn.hangUp();
      expect((await stubborn.ended).status).toBe(9);
      expect(Date.now() - began).toBeGreaterThan(1900);
      expect(await count()).toBe(0);
    }),
  );

  requires(...UML)(
    'reports memory, load and processes, and rewrites /etc/hosts',
    inGuest(
      async (guest) => {
        guest.send(TYPE.report);
        const report = await guest.next();
        const total = /MemTotal: +(\d+) kB/.exec(await text(guest, 'cat /proc/meminfo'))?.[1];
        expect(report['mem_total']).toBe(String(Number(total) * 1024));
        expect(Number(report['mem_available'])).toBeGreaterThan(16 * MIB);
        expect(Number(report['mem_free'])).toBeLessThan(128 * MIB);
        expect(Number(report['mem_cached'])).toBeGreaterThan(0);
        expect([report['swap_total'], report['oom_kills'], report['processes']]).toEqual(['0', '0', '1']);
        expect(report['load1']).toMatch(/^\d+\.\d\d$/);
        expect(Number(report['uptime_us'])).toBeGreaterThan(1000);
        expect(await text(guest, 'cat /etc/hosts /etc/resolv.conf')).toBe('127.0.0.1 localhost and more\nnameserver 10.0.0.1\n');
        guest.send(TYPE.publish, 'hosts=10.0.0.2 peer\n\0');
        expect(await text(guest, 'cat /etc/hosts')).toBe('10.0.0.2 peer\n');
      },
      { config: ['hosts=127.0.0.1 localhost and more\n', 'resolv=nameserver 10.0.0.1\n'] },
    ),
  );

  requires(...UML)(
    'outlives the OOM killer, and counts whom it killed',
    inGuest(
      async (guest) => {
        const spared = guest.start(['sleep', '1000']);
        const hog = await guest.run(['tail', '/dev/zero']);
        expect([hog.status, hog.oomKills]).toEqual([9, 1]);
        expect((await guest.run(['true'])).oomKills).toBe(0);
        guest.send(TYPE.report);
        expect((await guest.next())['oom_kills']).toBe('1');
        spared.signal(9);
        expect((await spared.ended).oomKills).toBe(1);
      },
      { memory: '64M', config: [] },
    ),
  );

  requires(...UML)('ends what runs when it powers off, by force when its patience is over', async () => {
    const off = async (script: string, patience: number): Promise<[number | null, number, unknown]> =>
      withGuest({}, async (guest) => {
        await guest.next();
        const session = guest.start(sh(script));
        await session.says(/ready/);
        const began = Date.now();
        const status = await guest.powerOff(patience);
        return [status, Date.now() - began, (await Promise.race([session.ended, Promise.resolve({ status: -1 })])).status];
      });
    const mild = await off('trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.01; done', 20_000);
    expect([mild[0], mild[2]]).toEqual([0, 3 << 8]);
    expect(mild[1]).toBeLessThan(5000);
    const stubborn = await off('trap "" TERM; echo ready; while :; do sleep 1; done', 1000);
    expect([stubborn[0], stubborn[2]]).toEqual([0, 9]);
    expect(stubborn[1]).toBeGreaterThan(700);
    expect(stubborn[1]).toBeLessThan(3000);
  });
});

describe('compart-init, of a host that is not to be believed', () => {
  const whole = (type: number, session = 0, size = 0): Buffer => {
    const header = Buffer.alloc(12 + size);
    header.writeUInt32LE(size);
    header.writeUInt8(type, 4);
    header.writeUInt32LE(session, 8);
    return header;
  };
  requires(...UML).each([
    ['bytes that are no frame', [Buffer.alloc(64, 0xff)], 'the host sent what is no frame'],
    ['a frame of the guest', [whole(TYPE.exit, 1, 8)], 'the host sent what only the guest can'],
    ['a session twice', [startOf(1), startOf(1)], 'the host began a session that there is already'],
    ['a session 0', [startOf(0)], 'the host began a session that there is already'],
    [
      'more than its credit',
      [startOf(1), ...Array.from({ length: 20 }, () => whole(TYPE.data, 1, 65536))],
      'the host sent more than it may to a command',
    ],
  ])('powers off with a line and status 125 after %s', (_, frames, line) =>
    withGuest({}, async (guest) => {
      await guest.next();
      for (const frame of frames) guest.child.stdin?.write(frame);
      expect(await guest.exit()).toBe(125);
      expect(guest.console).toContain(`compart-init: ${line}\r\n`);
    }),
  );

  function startOf(session: number): Buffer {
    const words = Buffer.from('arg=sleep\0arg=1000\0');
    const frame = whole(TYPE.start, session, words.length);
    words.copy(frame, 12);
    return frame;
  }
});

describe('records', () => {
  it('are of a text payload', () => {
    expect(records(Buffer.from('a=1\0b=x=y\0'))).toEqual({ a: '1', b: 'x=y' });
  });
});
