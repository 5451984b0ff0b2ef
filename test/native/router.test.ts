import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { requires } from '../support/requires.js';
import { until, withFolder } from './launcher.js';
import { publicCopy } from './namespaces.js';

const binary = fileURLToPath(new URL('../../native/build/compart-router', import.meta.url));
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const SLIRP = ['slirp4netns', '--configure', '--ready-fd={ready}', '--exit-fd={exit}', '{pid}', 'tap0'];
const PASTA = ['pasta', '--config-net', '--netns', '/proc/{pid}/ns/net', '--userns', '/proc/{pid}/ns/user'];

class Router {
  #said = '';
  readonly ended: Promise<number | null>;

  constructor(readonly child: ChildProcess) {
    this.fd.on('error', () => undefined);
    this.fd.setEncoding('utf8').on('data', (chunk: string) => (this.#said += chunk));
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  get fd(): Duplex {
    return this.child.stdio[3] as Duplex;
  }

  async says(): Promise<string> {
    return until(() => (this.#said.endsWith('\n') ? this.#said : null));
  }

  async ready(): Promise<{ holder: number; uplink: number }> {
    const line = await this.says();
    const [, holder, uplink] = /^ready (\d+) (\d+)\n$/.exec(line) ?? [];
    if (holder === undefined) throw new Error(line);
    return { holder: Number(holder), uplink: Number(uplink) };
  }
}

/** Not a zombie either, whose time init takes. */
function alive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
const fds = (pid: number): string[] => readdirSync(`/proc/${String(pid)}/fd`);
const inside = (holder: number, ...command: string[]): string => {
  const enter = ['nsenter', '--preserve-credentials', '-t', String(holder), '-U', '-n', '-m'];
  const [program = '', ...args] = [...NOBODY, ...enter, ...command];
  const ended = spawnSync(program, args, { encoding: 'utf8' });
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  return ended.stdout;
};

/** Every process that descends from what runs a test’s own copy of the router. */
function left(program: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program);
      } catch {
        return false;
      }
    });
}

/** It may end by itself between the look and the signal. */
function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ESRCH');
  }
}

/** A router of nobody’s with an own /dev/net/tun that anybody may open; nothing may be left of it. */
async function withRouter(uplink: string[], use: (router: Router, program: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const [program = ''] = publicCopy(folder, binary);
    const tun = join(folder, 'tun');
    const script = `mknod ${tun} c 10 200 && chmod 666 ${tun} && mount --bind ${tun} /dev/net/tun && exec "$@"`;
    const args = ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh'];
    const child = spawn('unshare', [...args, ...NOBODY, program, '3', ...uplink], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    });
    const router = new Router(child);
    let holder = 0;
    try {
      await use(router, program);
      const line = await router.says();
      holder = Number(/^ready (\d+)/.exec(line)?.[1] ?? 0);
    } finally {
      router.fd.destroy();
      if (holder !== 0 && left(program).includes(String(holder))) endIfThere(holder);
      await router.ended;
    }
    await until(() => left(program).length === 0);
  });
}

async function endsEarly(uplinkCommand: string[]): Promise<void> {
  const ends = [(router: Router) => router.fd.destroy(), (router: Router) => router.child.kill('SIGKILL')];
  for (const end of ends)
    await withRouter(uplinkCommand, async (router) => {
      const { holder, uplink } = await router.ready();
      expect(uplink).toBeGreaterThan(0);
      end(router);
      await router.ended;
      await until(() => !alive(holder) && !alive(uplink));
    });
}

const withUsers = requires('root', 'setpriv', 'unshare', 'nsenter', 'ip', 'user-namespaces');
const withSlirp = requires('root', 'setpriv', 'unshare', 'nsenter', 'ip', 'user-namespaces', 'slirp4netns');
const withPasta = requires('root', 'setpriv', 'unshare', 'nsenter', 'ip', 'user-namespaces', 'pasta');

describe('the holder', () => {
  withUsers('has a network that forwards, a loopback that is up and names for further networks', () =>
    withRouter([], async (router) => {
      const { holder, uplink } = await router.ready();
      expect(uplink).toBe(0);
      inside(holder, 'ip', 'netns', 'add', 'x');
      expect(inside(holder, 'ip', 'netns', 'list')).toBe('x\n');
      expect(inside(holder, 'ip', '-o', 'addr', 'show', 'lo')).toMatch(/127\.0\.0\.1/);
      expect(inside(holder, 'cat', '/proc/sys/net/ipv4/ip_forward')).toBe('1\n');
      expect(inside(holder, 'cat', '/proc/sys/net/ipv6/conf/all/forwarding')).toBe('1\n');
      expect(inside(holder, 'id', '-u')).toBe('0\n');
      inside(holder, 'ip', 'link', 'add', 'br0', 'type', 'bridge');
      expect(existsSync('/run/netns/x')).toBe(false);
    }),
  );

  withUsers('stays when it is kept, in a session of its own, without its parent’s descriptors, until killed', () =>
    withRouter([], async (router) => {
      const { holder } = await router.ready();
      const net = readlinkSync(`/proc/${String(holder)}/ns/net`);
      router.fd.write('k');
      expect(await router.ended).toBe(0);
      router.fd.destroy();
      expect(readlinkSync(`/proc/${String(holder)}/ns/net`)).toBe(net);
      const stat = readFileSync(`/proc/${String(holder)}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      expect([stat[1], stat[3]]).toEqual(['1', String(holder)]);
      for (const fd of fds(holder))
        expect(readlinkSync(`/proc/${String(holder)}/fd/${fd}`)).toMatch(/^(.*\/null|pipe:.*)$/);
      expect(readFileSync(`/proc/${String(holder)}/status`, 'utf8')).toMatch(/SigIgn:\t0+\n/);
      process.kill(holder, 'SIGTERM');
      await until(() => !alive(holder));
    }),
  );

  withUsers('ends with a router that was closed before it was kept', () =>
    withRouter([], async (router) => {
      const { holder } = await router.ready();
      router.fd.destroy();
      expect(await router.ended).toBe(125);
      expect(alive(holder)).toBe(false);
    }),
  );

  withUsers('ends with a router that was killed', () =>
    withRouter([], async (router) => {
      const { holder } = await router.ready();
      router.child.kill('SIGKILL');
      await until(() => !alive(holder));
    }),
  );

  requires('root', 'ip')('is root’s without a user namespace', async () => {
    const router = new Router(spawn(binary, ['3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] }));
    const { holder } = await router.ready();
    const ns = (pid: number | string, type: string): string => readlinkSync(`/proc/${String(pid)}/ns/${type}`);
    expect(ns(holder, 'user')).toBe(ns('self', 'user'));
    for (const type of ['net', 'mnt']) expect(ns(holder, type)).not.toBe(ns('self', type));
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(
      readFileSync(`/proc/${String(process.pid)}/mountinfo`, 'utf8'),
    );
    router.fd.destroy();
    await router.ended;
    expect(alive(holder)).toBe(false);
  });
});

describe('the uplink', () => {
  withSlirp('slirp4netns gives tap0 an address, and ends within a second of a holder that was kept', () =>
    withRouter(SLIRP, async (router) => {
      const started = performance.now();
      const { holder, uplink } = await router.ready();
      process.stderr.write(`router with slirp4netns: ${(performance.now() - started).toFixed(0)} ms\n`);
      expect(inside(holder, 'ip', '-o', '-4', 'addr', 'show', 'tap0')).toMatch(/10\.0\.2\.100\/24/);
      expect(inside(holder, 'ip', 'route')).toMatch(/^default via 10\.0\.2\.2 dev tap0/);
      router.fd.write('k');
      expect(await router.ended).toBe(0);
      expect(readFileSync(`/proc/${String(uplink)}/comm`, 'utf8')).toBe('slirp4netns\n');
      process.kill(holder, 'SIGKILL');
      const killed = performance.now();
      await until(() => !alive(uplink));
      expect(performance.now() - killed).toBeLessThan(1000);
    }),
  );

  withSlirp('ends with a router that was closed or killed before it was kept', () => endsEarly(SLIRP));

  withPasta('ends likewise when it is pasta', () => endsEarly(PASTA));

  withPasta('pasta, a daemon when it is ready, gives the host’s addresses and ends with the holder', () =>
    withRouter(PASTA, async (router) => {
      const { holder, uplink } = await router.ready();
      expect(uplink).toBeGreaterThan(0);
      expect(inside(holder, 'ip', '-o', '-4', 'addr', 'show')).toMatch(/scope global/);
      router.fd.write('k');
      expect(await router.ended).toBe(0);
      process.kill(holder, 'SIGKILL');
      await until(() => !alive(uplink));
    }),
  );

  requires('root', 'slirp4netns', 'ip')('of root’s holder ends with it as well, kept or not', async () => {
    for (const kept of [false, true]) {
      const child = spawn(binary, ['3', ...SLIRP], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
      const router = new Router(child);
      const { holder, uplink } = await router.ready();
      expect(readFileSync(`/proc/${String(uplink)}/comm`, 'utf8')).toBe('slirp4netns\n');
      if (kept) {
        router.fd.write('k');
        expect(await router.ended).toBe(0);
        process.kill(holder, 'SIGKILL');
      } else router.fd.destroy();
      await until(() => !alive(holder) && !alive(uplink));
      router.fd.destroy();
    }
  });

  const script = (text: string): string[] => ['sh', '-c', text];
  withUsers.each([
    [['/nonexistent/uplink'], /^fail exec 2 \/nonexistent\/uplink\n$/],
    [['not-on-the-path', '{pid}'], /^fail exec (2|13) not-on-the-path\n$/],
    [script('echo no good >&2; exit 3'), /^fail uplink 10 sh: no good \n$/],
    [script('echo {ready} >/dev/null; exit 0'), /^fail uplink 10 sh: ended before it was ready\n$/],
    [script('echo {ready} >/dev/null; kill -9 $$'), /^fail uplink 10 sh: ended before it was ready\n$/],
    [script('kill -9 $$'), /^fail uplink 10 sh: ended before it was ready\n$/],
  ])('%j is a failure that leaves nothing', (uplink, said) =>
    withRouter(uplink, async (router) => {
      expect(await router.says()).toMatch(said);
      expect(await router.ended).toBe(125);
    }),
  );

  withUsers('is told the pid, and inherits what it was told of and no more', () =>
    withFolder(async (folder) => {
      chmodSync(folder, 0o777);
      const file = join(folder, 'told');
      const text = `echo {pid} "$(readlink /proc/$$/fd/{ready} /proc/$$/fd/{exit} | tr "\\n" " ")" >${file}; { ls /proc/$$/fd | wc -l; } >>${file} & wait; echo >&{ready}; exec sleep 60`;
      await withRouter(script(text), async (router) => {
        const { holder, uplink } = await router.ready();
        const [line = '', count] = readFileSync(file, 'utf8').split('\n');
        expect(line).toMatch(new RegExp(`^${String(holder)} pipe:\\S+ pipe:\\S+ $`));
        expect(Number(count)).toBe(5);
        const ns = (pid: number | string, type: string): string => readlinkSync(`/proc/${String(pid)}/ns/${type}`);
        expect([ns(uplink, 'net'), ns(uplink, 'user')]).toEqual([ns('self', 'net'), ns('self', 'user')]);
      });
    }),
  );

  withUsers('that never becomes ready ends with the caller’s patience', () =>
    withRouter(script('echo {ready} >/dev/null; sleep 60; true'), async (router, program) => {
      await until(() => left(program).length > 0);
      router.fd.destroy();
      expect(await router.ended).toBe(125);
      expect(left(program)).toEqual([]);
      router.says = () => Promise.resolve('');
    }),
  );
});

describe('the usage', () => {
  it.each([[[]], [['x']], [['2']], [['99']]])('%j is refused with 125 and a word on stderr', (args) => {
    const ended = spawnSync(binary, args, { encoding: 'utf8' });
    expect(ended).toMatchObject({ status: 125, stderr: 'usage: compart-router FD [UPLINK ARG...]\n' });
  });
});
