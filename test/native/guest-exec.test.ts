import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, statSync, symlinkSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../support/programs.js';
import { requires } from '../support/requires.js';
import { Folder, GUEST, Running } from './keeper.js';

const NEEDS = ['root', 'uml', 'ldd'];
const withGuests = requires(...NEEDS);

let folder: Folder;
let keeper: Running | undefined;
beforeAll(async () => {
  folder = new Folder();
  if (withGuests === (it.skip as typeof it)) return;
  keeper = await folder.up();
});
afterAll(() => folder.clear());

/** A frame of frame.h of session 0. */
function frame(type: number, payload: Buffer, channel = 0): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt8(type, 4);
  header.writeUInt8(channel, 5);
  return Buffer.concat([header, payload]);
}

describe('compart-guest exec', () => {
  withGuests('gives the command’s status 3, its folder, its user and its variables', async () => {
    const flags = ['--workdir', '/usr', '--user', 'nobody', '--env', 'A=1', '--env', 'B=two words'];
    const { code, stdout } = await folder.run(['sh', '-c', 'pwd; id -un; echo "$A $B"; exit 3'], '', flags);
    expect(code).toBe(3);
    expect(stdout.toString()).toBe('/usr\nnobody\n1 two words\n');
  });

  withGuests('inherits the whole environment, 300 KiB of it, and nothing besides', async () => {
    const variables = Array.from({ length: 300 }, (_, i) => [`V${i}`, 'x'.repeat(1024)]);
    const env = Object.fromEntries(variables) as NodeJS.ProcessEnv;
    const command = ['/usr/bin/env'];
    const running = folder.exec(command, ['--inherit', '--env', 'LAST=1'], { env });
    running.child.stdin?.end();
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.toString().trim().split('\n').sort();
    expect(lines).toEqual([...variables.map(([name, value]) => `${name}=${value}`), 'LAST=1'].sort());
  });

  withGuests('a workdir that is not there: 125, and which', async () => {
    const { code, stderr } = await folder.run(['true'], '', ['--workdir', '/nowhere']);
    expect(code).toBe(125);
    expect(stderr).toBe('compart: cannot change to the directory /nowhere: No such file or directory\n');
  });

  withGuests('reads a FIFO to its end whose writer is gone already', async () => {
    const fifo = folder.path('fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = openSync(fifo, 'r+');
    writeSync(reader, 'from a fifo\n');
    const script = `exec 3<${fifo}; sleep 0.6; exec ${GUEST} exec ${folder.state} -- cat <&3 3<&-`;
    const running = new Running(spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    closeSync(reader);
    expect((await running.ended).stdout.toString()).toBe('from a fifo\n');
  });

  withGuests('20 commands at once each get their own 200 KB back', async () => {
    const inputs = Array.from({ length: 20 }, () => randomBytes(200_000));
    const all = await Promise.all(inputs.map((input) => folder.run(['cat'], input)));
    expect(all.map(({ code }) => code)).toEqual(inputs.map(() => 0));
    expect(all.every(({ stdout }, i) => stdout.equals(inputs[i] ?? Buffer.alloc(0)))).toBe(true);
  });

  withGuests('who reads nothing stalls nobody else', async () => {
    const slow = folder.exec(['cat', '/dev/zero'], [], { idle: true });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { code, stdout } = await folder.run(['head', '-c', '1000000', '/dev/zero']);
    expect({ code, size: stdout.length }).toEqual({ code: 0, size: 1_000_000 });
    slow.child.kill('SIGKILL');
    await slow.ended;
  });

  withGuests('a command that nobody reads any more dies of signal 13', async () => {
    const running = folder.exec(['sh', '-c', 'yes; echo "status $?" >&2']);
    running.child.stdin?.end();
    await until('output', () => running.stdout.length > 0);
    running.child.stdout?.destroy();
    expect((await running.ended).stderr).toBe('status 141\n');
  });

  withGuests('a client that is gone leaves no process of its command behind', async () => {
    const running = folder.exec(['sleep', '87654']);
    const count = async (): Promise<string> =>
      (await folder.run(['pgrep', '-c', '-fx', 'sleep 87654'])).stdout.toString();
    await until('the command', async () => (await count()) === '1\n');
    running.child.kill('SIGKILL');
    await until('its end', async () => (await count()) === '0\n');
  });

  withGuests('a client over its credit of 256 KiB is disconnected, and the guest lives', async () => {
    const socket = connect(join(folder.state, 'guest.sock'));
    socket.on('error', () => undefined).resume();
    socket.write(frame(2, Buffer.from('arg=sleep\0arg=60\0')));
    for (let i = 0; i < 5; i++) socket.write(frame(5, Buffer.alloc(65_536)));
    await once(socket, 'close');
    expect((await folder.run(['true'])).code).toBe(0);
  });

  withGuests.each([
    ['bytes that are no frame', Buffer.alloc(64, 255)],
    ['a frame that is the guest’s', frame(1, Buffer.from('version=1\0'))],
    ['a frame that the keeper alone sends', frame(17, Buffer.from('mount=hostfs:/\0at=/x\0mode=rw\0'))],
    ['data before a command', frame(5, Buffer.from('x'))],
    ['a session that is not its own', Buffer.concat([frame(2, Buffer.alloc(0)).fill(1, 8, 12)])],
  ])('%s disconnects the client, and the guest lives', async (_, bytes) => {
    const socket = connect(join(folder.state, 'guest.sock'));
    socket.on('error', () => undefined).resume();
    socket.write(bytes);
    await once(socket, 'close');
    expect((await folder.run(['true'])).code).toBe(0);
  });

  withGuests('the socket is its owner’s alone: mode 600', () => {
    expect(statSync(join(folder.state, 'guest.sock')).mode & 0o777).toBe(0o600);
  });
});

describe('compart-guest control', () => {
  withGuests('do=status tells the stages and what the guest reports', async () => {
    await until('a report', () => folder.file('guest.report')['mem_total']);
    const { code, answer } = await folder.control('do=status');
    expect(code).toBe(0);
    expect(answer).toMatchObject({ ok: '1', plugged: String(128 * 2 ** 20) });
    expect(Number(answer['mem_free'])).toBeGreaterThan(2 ** 20);
  });

  withGuests('do=memory takes 40 MiB away, and gives them back', async () => {
    const free = async (): Promise<number> =>
      Number(/MemFree: +(\d+)/.exec((await folder.run(['cat', '/proc/meminfo'])).stdout.toString())?.[1]) / 1024;
    const before = await free();
    const { code, answer } = await folder.control('do=memory', `bytes=${88 * 2 ** 20}`);
    expect({ code, answer }).toEqual({ code: 0, answer: { ok: '1', bytes: String(88 * 2 ** 20) } });
    expect(Math.abs(before - (await free()) - 40)).toBeLessThan(8);
    expect((await folder.control('do=memory', `bytes=${128 * 2 ** 20}`)).answer['bytes']).toBe(
      String(128 * 2 ** 20),
    );
    expect(Math.abs(before - (await free()))).toBeLessThan(8);
  });

  withGuests('do=memory that the guest cannot spare is refused, and all of it stays', async () => {
    const { code, answer } = await folder.control('do=memory', 'bytes=0');
    expect(code).toBe(1);
    expect(answer['error']).toBe('the guest has no more memory free');
    expect(answer['bytes']).toBe(String(128 * 2 ** 20));
    expect((await folder.run(['true'])).code).toBe(0);
  });

  withGuests('do=mount of what is not as it says is refused, and of a place that was removed meanwhile', async () => {
    const { dev, ino } = statSync(folder.path('empty'), { bigint: true });
    const asked = (more: Record<string, unknown>): Promise<unknown> => {
      const records = { from: folder.path('empty'), at: '/shown', mode: 'ro', dev, ino, ...more };
      const words = Object.entries(records).map(([key, value]) => `${key}=${String(value)}`);
      return folder.control('do=mount', ...words).then(({ code, answer }) => [code, answer['error']]);
    };
    const other = (path: string): string => `the guest's keeper sees something else there: ${path}: Stale file handle`;
    const stale = other(folder.path('empty'));
    expect(await asked({ ino: ino + 1n })).toEqual([1, stale]);
    expect(await asked({ dev: dev + 1n })).toEqual([1, stale]);
    expect(await asked({ from: 'empty' })).toEqual([1, 'the host\'s path must be absolute']);
    expect(await asked({ at: 'shown' })).toEqual([1, 'the guest\'s path must be absolute']);
    expect(await asked({ at: `/${'x'.repeat(4096)}` })).toEqual([1, 'the guest\'s path must be absolute']);
    expect(await asked({ mode: 'r' })).toEqual([1, 'its mode is neither ro nor rw']);
    expect(await asked({ ino: -1 })).toEqual([1, 'what is to be there was not said']);
    symlinkSync('empty', folder.path('link'));
    const link = folder.path('link');
    expect(await asked({ from: link })).toEqual([1, `${link}: Too many levels of symbolic links`]);
    expect(await asked({ from: '/dev/null' })).toEqual([1, other('/dev/null')]);
    expect(await asked({})).toEqual([0, undefined]);
    expect((await folder.control('do=unmount', 'at=/shown')).code).toBe(0);
    expect((await folder.run(['true'])).code).toBe(0);
  });

  withGuests('what it does not know is refused with 1', async () => {
    expect((await folder.control('do=dance')).code).toBe(1);
  });

  withGuests('do=stop ends the guest, a command of it with 125 and the reason', async () => {
    const running = folder.exec(['sleep', '60']);
    await folder.run(['true']);
    expect((await folder.control('do=stop', 'ms=5000')).code).toBe(0);
    expect((await keeper?.ended)?.code).toBe(0);
    const { code } = await running.ended;
    expect([125, 129, 143]).toContain(code);
    const late = await folder.run(['true']);
    expect(late).toMatchObject({ code: 125, stderr: 'compart: the guest has ended: stopped\n' });
  });
});
