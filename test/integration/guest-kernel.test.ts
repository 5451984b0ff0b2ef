import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, readdirSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { GuestRoot } from '../support/guest.js';
import { builtKernel } from '../support/kernels.js';
import { requires } from '../support/requires.js';

const kernel = builtKernel()?.path ?? '';
const guests = requires('built-kernel', 'busybox', 'setpriv', 'mksquashfs', 'mkfs.erofs');
let root: GuestRoot;
beforeEach(() => {
  root = new GuestRoot();
});
afterEach(() => {
  root.remove();
});

/** Disks: an empty ext4, and one with a partition table of one entry (type 83, sectors 1 to 1000). */
function makeDisks(): string[] {
  const [plain, parted] = [`${root.run}/ext4`, `${root.run}/parted`];
  execFileSync('mke2fs', ['-q', '-t', 'ext4', plain, '8M']);
  const disk = Buffer.alloc(8 * 2 ** 20);
  disk.writeUInt8(0x83, 450);
  disk.writeUInt32LE(1, 454);
  disk.writeUInt32LE(1000, 458);
  disk.writeUInt16BE(0x55aa, 510);
  writeFileSync(parted, disk);
  for (const path of [plain, parted]) if (process.getuid?.() === 0) chownSync(path, 65534, 65534);
  return [`ubd0=${plain}`, `ubd1=${parted}`];
}

/** Read-only images of a folder with a file in it. */
function makeImages(): void {
  execFileSync('mksquashfs', [`${root.root}/bin`, `${root.root}/image.squashfs`, '-quiet', '-comp', 'zstd']);
  execFileSync('mkfs.erofs', ['-zlz4hc', `${root.root}/image.erofs`, `${root.root}/bin`], {
    stdio: 'ignore',
  });
}

/** What the guest's init printed, without the messages of its kernel. */
const saidIn = (stdout: unknown): string[] =>
  String(stdout)
    .trimEnd()
    .split(/\r?\n/)
    .filter((line) => !/^\[ +\d+\.\d+\]/.test(line));

describe('the kernel that compart builds', () => {
  guests('has every feature that a guest needs: each is used once, in one boot', async () => {
    for (const program of ['busybox', 'ip', 'tc', 'nft']) root.install(program);
    makeImages();
    root.compile('features', 'features.c', 'features_mount.c', 'features_nbd.c');
    root.copy('features.sh', 'init');
    root.copy('features.nft', 'features.nft');
    const words = ['init=/init', 'ssl1=null', 'mconsole=notify:/nowhere', 'vec0:transport=fd,fd=3'];
    const { stdout } = await root.boot(kernel, [...words, ...makeDisks()], { stdio: ['pipe'] });
    const lines = saidIn(stdout);
    expect(lines.filter((line) => !line.endsWith(' ok'))).toEqual(['end']);
    expect(lines.length).toBeGreaterThan(130);
  });

  guests(
    'keeps the registers and the memory of processes as any Linux does: threads, signals, forks, files, faults',
    async () => {
      root.install('busybox');
      root.compile('process', 'process.c');
      writeFileSync(`${root.root}/init`, '#!/bin/busybox sh\n/process\nbusybox poweroff -f\n', {
        mode: 0o755,
      });
      const { stdout } = await root.boot(kernel, ['init=/init', 'mem=256M']);
      const kept = [
        'registers of many',
        'registers of a child',
        'violations',
        'copies',
        'files',
        'scattered',
      ];
      expect(saidIn(stdout)).toEqual(kept.map((each) => `${each} ok`));
    },
  );

  guests(
    'makes no line, loop device or legacy pty that was not asked for, powers off, and leaves nothing in uml_dir',
    async () => {
      root.install('busybox');
      writeFileSync(
        `${root.root}/init`,
        '#!/bin/busybox sh\nbusybox mount -t devtmpfs dev /dev\nbusybox ls /dev\nbusybox poweroff -f\n',
        { mode: 0o755 },
      );
      const { stdout, exitCode } = await root.boot(kernel, ['init=/init']);
      const devices = String(stdout).trimEnd().split(/\s+/);
      expect(devices.filter((name) => /^(ttyS|loop\d|pty|tty[1-9])/.test(name))).toEqual([]);
      expect({ exitCode, null: devices.includes('null') }).toEqual({ exitCode: 0, null: true });
      expect(readdirSync(root.run)).toEqual([]);
    },
  );

  requires(
    'built-kernel',
    'setpriv',
    'strace',
  )('powers off with status 0, 20 times of 20, where a timer signal comes after it has halted', async () => {
    root.compile('init', 'poweroff.c');
    // The calls around the end each take longer than a tick.
    const late = ['strace', '-o', '/dev/null', '-e', 'inject=rt_sigprocmask:delay_enter=12000'];
    const ended: unknown[] = [];
    for (let boot = 0; boot < 20; boot += 1)
      ended.push((await root.boot(kernel, ['init=/init'], { under: late })).exitCode);
    expect(ended).toEqual(Array(20).fill(0));
  });

  guests.each([
    [64, 0],
    [64, 1000],
    [3000, 500],
  ])('gives a guest %d KB that it left unread for %d ms, unchanged', async (kilobytes, after) => {
    const text = randomBytes(kilobytes * 1024);
    // Not toEqual on megabytes: it looks at each byte by itself.
    const back = await sendThrough(text, after);
    expect({ bytes: back.length, same: back.equals(text) }).toEqual({ bytes: text.length, same: true });
  });
});

/** What comes back of a text that an init of its own leaves unread for `after` ms. */
async function sendThrough(text: Buffer, after: number): Promise<Buffer> {
  root.compile('init', 'lines.c');
  const words = ['init=/init', 'ssl1=fd:3', `after=${after}`, `bytes=${text.length}`];
  const guest = root.boot(kernel, words, { stdio: ['pipe'], timeout: 20_000 });
  const line = guest.stdio[3] as unknown as Duplex;
  const chunks: Buffer[] = [];
  line.on('data', (chunk: Buffer) => chunks.push(chunk));
  line.on('error', () => undefined);
  await once(line, 'data');
  line.write(text);
  await guest;
  await delay(10);
  return Buffer.concat(chunks).subarray(1);
}
