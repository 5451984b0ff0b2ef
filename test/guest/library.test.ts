import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { service, told } from '../support/library.js';
import { runs, tree, until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { groupsBelow, useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const here = <T extends readonly unknown[]>(code: string): Promise<T> => told<T>(sandbox.current, code);
const withGuests = requires('root', 'uml', 'cgroup-memory', 'python3');

describe('a Guest of the library', () => {
  withGuests(
    'boots, runs commands with their streams and status, talks, stops a command, and powers off',
    async () => {
      const said = await here(`
        const host = fs.readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
        const guest = await Guest.boot({ name: 'vm', mem: '96M', cpu: '100%', cwd: '/' });
        said((await guest.exec('uname', ['-r'])).stdout === host);
        const { stdout, stderr } = await guest.exec('sh', ['-c', 'cat; echo err >&2'], { input: 'in' });
        said([stdout, stderr]);
        said((await guest.exec('env', { extendEnv: false, env: { A: 'b' }, lines: true })).stdout.includes('A=b'));
        const failure = await errorOf(guest.exec('sh', ['-c', 'exit 7']));
        said([failure.name, failure.code, failure.exitCode]);
        said((await errorOf(guest.exec('no-such-command'))).exitCode);
        const talk = guest.spawn('cat');
        const lines = talk.lines();
        talk.stdin.write('hello\\n');
        said((await lines.next()).value);
        talk.kill();
        await talk;
        said((await errorOf(guest.exec('sleep', ['60'], { timeout: 300 }))).code);
        said((await guest.exec('sh', ['-c', 'ls -d /proc/[0-9]* | wc -l; pidof sleep cat'], { reject: false, lines: true })).stdout.length);
        said((await guest.set({ mem: '80M' })).guest.memoryBytes);
        said((await guest.stats()).vm.usageBytes > 0);
        said((await Guest.open('vm')).id === guest.id);
        const record = await guest.shutdown();
        said([record.name, record.guest.reason, (await guest.exited).id === record.id]);
        said((await Compartment.list()).length);`);
      expect(said).toEqual([
        false,
        ['in', 'err\n'.trim()],
        true,
        ['RunError', 'ERR_COMPART_FAILED', 7],
        127,
        'hello',
        'ERR_COMPART_TIMEOUT',
        1,
        96 * 2 ** 20,
        true,
        true,
        ['vm', 'stopped', true],
        0,
      ]);
    },
  );

  withGuests(
    'mounts any folder of the host while it runs, read-only unless told otherwise, and unmounts it',
    async () => {
      const { dir } = sandbox.current;
      mkdirSync(`${dir}/jobs/42`, { recursive: true });
      writeFileSync(`${dir}/jobs/42/text`, 'of the host');
      const said = await here(`
      const guest = await Guest.boot({ mem: '64M' });
      await guest.mount('jobs/42', '/data');
      said((await guest.exec('cat', ['/data/text'])).stdout);
      said((await errorOf(guest.exec('touch', ['/data/x']))).code);
      await guest.mount('${dir}/jobs', '/jobs', { readOnly: false });
      await guest.exec('sh', ['-c', 'echo written > /jobs/42/new']);
      said(fs.readFileSync('${dir}/jobs/42/new', 'utf8'));
      said((await guest.inspect()).guest.mounts);
      said((await errorOf(guest.mount('jobs', '/data'))).code);
      said((await errorOf(guest.mount('none', '/x'))).code);
      said((await errorOf(guest.mount('jobs', 'x'))).code);
      await Promise.all(Array.from({ length: 62 }, (_, n) => guest.mount('jobs', '/many/' + n)));
      said((await errorOf(guest.mount('jobs', '/one-more'))).code);
      await guest.unmount('/data');
      said((await guest.exec('ls', ['/data'])).stdout);
      const busy = guest.spawn('sleep', ['100'], { cwd: '/jobs' });
      await busy.spawned();
      while ((await guest.exec('pgrep', ['sleep'], { reject: false })).exitCode !== 0) await delay(20);
      said((await errorOf(guest.unmount('/jobs'))).code);
      await guest.unmount('/jobs', { force: true });
      said((await errorOf(guest.exec('ls', ['/jobs/42']))).code);
      busy.kill();
      await busy;
      await guest[Symbol.asyncDispose]();
      said((await errorOf(guest.mount('jobs', '/x'))).code);`);
      const busy = 'ERR_COMPART_BUSY';
      expect(said).toEqual([
        ...['of the host', 'ERR_COMPART_FAILED', 'written\n'],
        [`${dir}/jobs/42:/data:ro`, `${dir}/jobs:/jobs`],
        ...[busy, 'ERR_COMPART_USAGE', 'ERR_COMPART_USAGE', busy],
        ...['', busy, 'ERR_COMPART_FAILED', 'ERR_COMPART_NOT_FOUND'],
      ]);
    },
  );

  withGuests('has a console, and what is typed there is answered', async () => {
    const said = await here(`
      const guest = await Guest.boot({ mem: '64M', name: 'typed' });
      const screen = guest.console();
      let text = '';
      screen.stdout.on('data', (chunk) => (text += chunk));
      screen.stdin.write('\\n');
      await delay(500);
      screen.stdin.write('echo $((6 * 7))x\\n');
      for (let n = 0; n < 100 && !text.includes('42x'); n += 1) await delay(50);
      said(text.includes('42x'));
      await screen[Symbol.asyncDispose]();
      await guest.shutdown();`);
    expect(said).toEqual([true]);
  });

  withGuests('is refused with what is wrong, and leaves nothing', async () => {
    const said = await here(`
      said((await errorOf(Guest.boot({ mem: '1M' }))).code);
      said((await errorOf(Guest.boot({ kernel: '/usr/bin/true' }))).code);
      said((await errorOf(Guest.open('none'))).code);
      said((await Compartment.list()).length);`);
    expect(said).toEqual(['ERR_COMPART_USAGE', 'ERR_COMPART_BUSY', 'ERR_COMPART_NOT_FOUND', 0]);
  });

  withGuests('is gone, its kernel, groups and record, when the service is killed with SIGKILL', async () => {
    const { current } = sandbox;
    const running = service(
      current,
      `const guest = await Guest.boot({ mem: '64M' });
       said((await guest.inspect()).pid);
       await delay(600000);`,
    );
    const pid = await new Promise<number>((resolve) =>
      running.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk.toString()))),
    );
    const all = tree(pid);
    expect(all.length).toBeGreaterThan(1);
    running.kill('SIGKILL');
    await running;
    await until('the guest is gone', async () => {
      const left = [...all.filter(runs), ...groupsBelow(current.base)];
      return left.length === 0 && (await current.json<unknown[]>(['ps'])).length === 0;
    });
  });
});
