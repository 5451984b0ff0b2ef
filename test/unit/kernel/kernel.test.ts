import {
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { Host } from '../../../src/host/host.js';
import { encodeBoot } from '../../../src/kernel/boot.js';
import { encodeConfig } from '../../../src/kernel/config.js';
import { busyTicks, chooseCpu, leastLoaded } from '../../../src/kernel/cpu.js';
import { guestMemory, overheadBytes } from '../../../src/kernel/memory.js';
import { cowBytes, layCow } from '../../../src/kernel/uml/cow.js';
import { moduleFiles } from '../../../src/kernel/uml/modules.js';
import { kernelWords, loopsPerJiffy } from '../../../src/kernel/uml/words.js';
import { said } from '../units/wrong.js';

const MIB = 2 ** 20;
const DISK = { file: '/a', cow: null, readOnly: false, isDevice: false, at: '/disk/a', cowAt: null };
const host = new Host(
  { proc: '/proc', sys: '/sys', state: '/none', log: '/none', native: () => '', network: '/none' },
  { uid: 0, gid: 0 },
);
const records = (bytes: Buffer): string[] => bytes.toString('utf8').split('\0');

describe('modules', () => {
  const dep = 'kernel/a.ko:\nkernel/b-c.ko: kernel/d.ko kernel/a.ko\nkernel/d.ko: kernel/a.ko\n';

  it('are loaded after what they depend on, each once', () => {
    expect(moduleFiles(dep, ['b_c', 'a'])).toEqual(['kernel/a.ko', 'kernel/d.ko', 'kernel/b-c.ko']);
  });

  it('that are built in are passed over', () => {
    expect(moduleFiles(dep, ['ext4'])).toEqual([]);
  });
});

describe('the command line of a kernel', () => {
  it('has the speed of the delay loop from /proc/cpuinfo', () => {
    expect(loopsPerJiffy('processor: 0\nbogomips\t: 5999.99\n')).toBe(29_999_950);
    expect(loopsPerJiffy('')).toBe(20_000_000);
  });

  it("skips the benchmark of RAID 6 in Debian's kernel, and in compart's has nothing to skip", () => {
    const words = (origin: 'debian' | 'compart'): string[] =>
      kernelWords({ kernel: { origin }, memoryBytes: 64 * MIB, cpuinfo: '', disks: [DISK] });
    expect(words('debian')).toContain('initcall_blacklist=raid6_select_algo');
    expect(words('compart')).toEqual([
      'mem=64M',
      'quiet',
      'lpj=20000000',
      'rootfstype=hostfs',
      'rootflags=/',
      'ro',
      'init=/init',
      'ubd0=/disk/a',
    ]);
  });
});

describe('memory of a guest', () => {
  it('is RAM inside, and on the host that and the overhead, without swap of the host', () => {
    const { ramBytes, swapBytes, limits } = guestMemory(host, {
      vm: { limitBytes: 96 * MIB, swapLimitBytes: 256 * MIB },
      pids: { limit: 9 },
    });
    expect([ramBytes, swapBytes]).toEqual([96 * MIB, 256 * MIB]);
    expect(limits).toEqual({ vm: { limitBytes: 96 * MIB + overheadBytes(96 * MIB) }, pids: { limit: 9 } });
  });

  it.each([
    [{ limitBytes: null }, '--mem: max is no size for the RAM of a guest'],
    [{ limitBytes: MIB }, '--mem: 1 MiB is less than a kernel can start in'],
    [{ limitBytes: 1024 }, '--mem: 1 KiB is less than a kernel can start in'],
    [{ swapLimitBytes: null }, '--swap: max is no size for the swap of a guest'],
  ])('refuses %j', (vm, message) => {
    expect(said(() => guestMemory(host, { vm })).message).toBe(message);
  });
});

describe('the CPU of a guest', () => {
  it('is the one with the fewest guests, then the one that has run least', () => {
    const busy = new Map([
      [0, 5],
      [1, 3],
      [2, 9],
    ]);
    expect(leastLoaded([0, 1, 2], new Map(), busy)).toBe(1);
    expect(
      leastLoaded(
        [0, 1, 2],
        new Map([
          [0, 1],
          [1, 1],
        ]),
        busy,
      ),
    ).toBe(2);
    expect(leastLoaded([], new Map(), busy)).toBeNull();
  });

  it('is read from /proc/stat without the time that a CPU waited', () => {
    const stat =
      'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 4 100 100 8 16 32 0 0\ncpu1 0 0 0 7 7 0 0 0 0 0\nintr 5\n';
    expect(busyTicks(stat)).toEqual(
      new Map([
        [0, 63],
        [1, 0],
      ]),
    );
  });
});

describe('the CPU that a guest is pinned to', () => {
  it('is the one that has run least since the last guest was booted', () => {
    const dir = mkdtempSync(`${tmpdir()}/compart-cpu-`);
    try {
      const lent = new Host(
        { ...host.paths, proc: dir, state: `${dir}/state` },
        { uid: process.getuid?.() ?? 0, gid: 0 },
      );
      const chosenAt = (first: number, second: number): number | null => {
        writeFileSync(`${dir}/stat`, `cpu  0 0\ncpu0 ${first} 0 0 0 0\ncpu1 ${second} 0 0 0 0\nintr 1\n`);
        return chooseCpu(lent, '0-1', new Map());
      };
      expect([chosenAt(900, 100), chosenAt(910, 150), chosenAt(990, 160)]).toEqual([1, 0, 1]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('a copy-on-write file', () => {
  it('is made with the header that the kernel reads, a hole as large as the disk, mode 0600, and used again only on the file it stands on', () => {
    const dir = mkdtempSync(`${tmpdir()}/compart-cow-`);
    try {
      writeFileSync(`${dir}/base`, Buffer.alloc(10 * MIB));
      layCow(`${dir}/cow`, `${dir}/base`, '/disk/base');
      const made = readFileSync(`${dir}/cow`);
      const { size, mode } = statSync(`${dir}/cow`);
      expect([made.toString('latin1', 0, 4), made.readUInt32BE(4)]).toEqual(['OOOM', 3]);
      expect(made.readBigUInt64BE(12)).toBe(BigInt(10 * MIB));
      expect(made.toString('utf8', 32, 43)).toBe('/disk/base\0');
      expect([size, mode & 0o777]).toEqual([cowBytes(10 * MIB), 0o600]);
      // 8 KiB of header, a bitmap of 2560 bytes rounded to a page, the disk.
      expect(size).toBe(8192 + 4096 + 10 * MIB);
      writeSync(openSync(`${dir}/cow`, 'r+'), 'used', 20_000);
      layCow(`${dir}/cow`, `${dir}/base`, '/disk/base');
      expect(readFileSync(`${dir}/cow`, 'latin1').slice(20_000, 20_004)).toBe('used');
      utimesSync(`${dir}/base`, 1, 1);
      expect(said(() => layCow(`${dir}/cow`, `${dir}/base`, '/disk/base')).message).toContain(
        'as it is now: size or time of change differ',
      );
      expect(said(() => layCow(`${dir}/base`, `${dir}/cow`, '/disk/cow')).message).toContain(
        'is no copy-on-write file',
      );
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('what the native programs are told', () => {
  it('is the configuration of init, record by record', () => {
    const config = encodeConfig({
      hostname: 'vm',
      modules: 1,
      root: { kind: 'host', path: '/', isDevice: false, write: 'memory' },
      rootDevice: null,
      mounts: [{ source: '/a', target: '/b', readOnly: true }],
      swapDevice: '/dev/ubda',
      link: { addresses: ['10.0.0.2/32'], gateways: ['10.0.0.1'] },
      hosts: '127.0.0.1 localhost\n',
      resolver: null,
      seed: Buffer.from([0, 0xab]),
      init: null,
      tasks: 50,
      nosuid: true,
      shell: '/bin/sh',
    });
    expect(records(config)).toEqual([
      ...['compart-guest/1', 'hostname=vm', 'module=/mod/0.ko', 'root=hostfs:/r', 'write=overlay'],
      ...['mount=hostfs:/m/0', 'at=/b', 'mode=ro', 'nosuid=yes', 'swap=/dev/ubda', 'pids=50'],
      ...[
        'link=vec1',
        'address=10.0.0.2/32',
        'gateway=10.0.0.1',
        'hosts=127.0.0.1 localhost\n',
        'seed=00ab',
        'shell=/bin/sh',
        'end',
        '',
      ],
    ]);
  });

  it('is what the keeper boots, its steps in order', () => {
    const boot = encodeBoot({
      folder: '/f',
      memoryBytes: 64 * MIB,
      cpu: 1,
      tap: null,
      config: '/f/c',
      preload: '/b/lib.so',
      words: ['mem=64M'],
      steps: [{ from: '/a', ro: '/b' }, { cover: '/b/c' }],
    });
    expect(records(boot)).toEqual(
      expect.arrayContaining(['cpu=1', 'memory=67108864', 'preload=/b/lib.so', 'karg=mem=64M']),
    );
    expect(records(boot).slice(-6)).toEqual(['config=/f/c', 'from=/a', 'ro=/b', 'cover=/b/c', 'end', '']);
  });
});
