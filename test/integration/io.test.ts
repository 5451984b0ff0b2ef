import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { makeDiskDir, onDisk } from '../support/disk.js';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import type { ErrorAnswer, ExitRecord, Inspection } from '../support/shapes.js';

const sandbox = useSandbox();
const disk = onDisk();
const onThisDisk =
  disk === null
    ? requires('a block device under the temporary directory')
    : requires('groups', 'cgroup-io', 'dd');
const MB = 1e6;
let dir = '';

beforeEach(() => {
  if (disk !== null) dir = makeDiskDir(disk.dir);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Runs dd under limits: bytes and operations per second, as the command saw them. */
async function dd(
  flags: string[],
  words: string[],
): Promise<{ bytesPerSecond: number; opsPerSecond: number; record: ExitRecord }> {
  const report = `${sandbox.current.dir}/report.json`;
  const { status, stderr } = await sandbox.current.compart(
    ['run', ...flags, '--report', report, '--', 'dd', ...words],
    {
      cwd: dir,
      env: { LC_ALL: 'C' },
    },
  );
  expect(status).toBe(0);
  const [, bytes, seconds] = /^(\d+) bytes .*copied, ([\d.]+) s/m.exec(stderr) ?? [];
  const records = Number(/^(\d+)\+\d+ records out/m.exec(stderr)?.[1]);
  const record = JSON.parse(readFileSync(report, 'utf8')) as ExitRecord;
  return { bytesPerSecond: Number(bytes) / Number(seconds), opsPerSecond: records / Number(seconds), record };
}

/** A file of this size, on the disk and not in the page cache. */
function fill(name: string, mib: number): void {
  execFileSync('dd', [
    'if=/dev/zero',
    `of=${dir}/${name}`,
    'bs=1M',
    `count=${mib}`,
    'oflag=direct',
    'conv=fsync',
    'status=none',
  ]);
}

function expectWithin(value: number, wanted: number, percent: number): void {
  expect(value).toBeGreaterThanOrEqual(wanted * (1 - percent / 100));
  expect(value).toBeLessThanOrEqual(wanted * (1 + percent / 100));
}

describe('--io-write and --io-read', () => {
  onThisDisk('--io-write 10MB/s writes 50 MB past the cache at 10 MB/s within 5%', async () => {
    fill('file', 50);
    const { bytesPerSecond, record } = await dd(
      ['--io-write', '10MB/s'],
      ['if=/dev/zero', 'of=file', 'bs=500k', 'count=100', 'oflag=direct', 'conv=notrunc'],
    );
    expectWithin(bytesPerSecond, 10 * MB, 5);
    expectWithin(record.stats.io.writeBytes, 51.2 * MB, 2);
    expectWithin((record.stats.io.writeBytes * 1e6) / record.wallUs, 10 * MB, 7);
  });

  onThisDisk('--io-read 10MB/s reads 50 MB past the cache at 10 MB/s within 5%', async () => {
    fill('file', 50);
    const { bytesPerSecond, record } = await dd(
      ['--io-read', '10MB/s'],
      ['if=file', 'of=/dev/null', 'bs=500k', 'iflag=direct'],
    );
    expectWithin(bytesPerSecond, 10 * MB, 5);
    expectWithin(record.stats.io.readBytes, 52.4 * MB, 2);
  });

  onThisDisk(
    'without a limit the same disk moves more than 20 MB/s, so the limit was what held',
    async () => {
      const { bytesPerSecond } = await dd(
        [],
        ['if=/dev/zero', 'of=file', 'bs=1M', 'count=50', 'oflag=direct'],
      );
      expect(bytesPerSecond).toBeGreaterThan(20 * MB);
    },
  );

  onThisDisk(
    '--io-write DEVICE=20MB/s by its path holds within 5%, and inspect names the device',
    async () => {
      const { current } = sandbox;
      fill('file', 40);
      const flags = ['--io-write', `${disk?.device ?? ''}=20MB/s`];
      const { bytesPerSecond } = await dd(flags, [
        'if=/dev/zero',
        'of=file',
        'bs=500k',
        'count=80',
        'oflag=direct',
        'conv=notrunc',
      ]);
      expectWithin(bytesPerSecond, 20 * MB, 5);

      await current.compart(
        ['load', 'io', '--name', 'slow', ...flags, '--io-riops', `${disk?.device ?? ''}=500`],
        {
          cwd: '/dev/shm',
        },
      );
      const { limits } = (await current.json<Inspection>(['inspect', 'slow'])).subsystems.io;
      await current.compart(['rm', 'slow']);
      const device = expect.stringMatching(/^\d+:\d+$/);
      expect(limits).toEqual({
        devices: [
          {
            device,
            readBytesPerSecond: null,
            writeBytesPerSecond: 20 * MB,
            readOpsPerSecond: 500,
            writeOpsPerSecond: null,
          },
        ],
      });
    },
  );

  requires('groups', 'cgroup-io')(
    '--io-write 10MB/s in a tmpfs is refused with 2 and the way to name a device',
    async () => {
      const { current } = sandbox;
      for (const where of [['--workdir', '/dev/shm'], []]) {
        const answer = await current.compart(
          ['run', '--json', '--io-write', '10MB/s', ...where, '--', 'echo', 'ran'],
          { cwd: '/dev/shm' },
        );
        expect(answer).toMatchObject({ status: 2, stdout: '' });
        const { code, message, hint } = (JSON.parse(answer.stderr) as ErrorAnswer).error;
        expect(code).toBe('ERR_COMPART_USAGE');
        expect(message).toMatch(/^--io-write: there is no block device under (\/dev\/shm|\.)$/);
        expect(hint).toBe('name one, as in --io-write /dev/sda=10MB/s');
      }
    },
  );

  requires('groups', 'cgroup-io')(
    'a path that is no device, or not there, is refused with 2 naming it',
    async () => {
      for (const device of ['/dev/null', '/dev/no-such-disk', '/etc', '999:999']) {
        const { status, stderr } = await sandbox.current.compart([
          'run',
          '--io-write',
          `${device}=10MB/s`,
          '--',
          'true',
        ]);
        expect({ device, status }).toEqual({ device, status: 2 });
        expect(stderr).toContain(`--io-write: `);
        expect(stderr).toContain(device);
      }
    },
  );
});

describe('--io-riops and --io-wiops', () => {
  onThisDisk('--io-riops 100 lets 100 reads a second through, within 10%', async () => {
    fill('file', 4);
    const { opsPerSecond, record } = await dd(
      ['--io-riops', '100'],
      ['if=file', 'of=/dev/null', 'bs=4k', 'count=400', 'iflag=direct'],
    );
    expectWithin(opsPerSecond, 100, 10);
    expect(record.stats.io.readOps).toBeGreaterThanOrEqual(400);
  });

  onThisDisk('--io-wiops 100 lets 100 writes a second through, within 10%', async () => {
    fill('file', 4);
    const { opsPerSecond, record } = await dd(
      ['--io-wiops', '100'],
      ['if=/dev/zero', 'of=file', 'bs=4k', 'count=400', 'oflag=direct', 'conv=notrunc'],
    );
    expectWithin(opsPerSecond, 100, 10);
    expect(record.stats.io.writeOps).toBeGreaterThanOrEqual(400);
  });
});
