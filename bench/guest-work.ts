import { copyFileSync, mkdirSync } from 'node:fs';
import { execa } from 'execa';
import type { Part } from './guest-boot.js';
import type { Bench, BenchKernel } from './guest-host.js';
import { median } from './table.js';

const ROUNDS = Number(process.env['BENCH_WORK_ROUNDS'] ?? 3);
const CPU = '0';
const WARNINGS = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];

/** What is measured: a name of guest-work.c, what a reader calls it, its unit, and that on the host which it is set beside. */
const ROWS: ReadonlyArray<readonly [string, string, 'µs' | 'ms', string]> = [
  ['getpid', 'getpid(2)', 'µs', 'getpid'],
  ['touch', 'first touch of 64 MB, 16,384 page faults', 'ms', 'touch'],
  ['forkexec', 'fork, exec, exit, wait', 'ms', 'forkexec'],
  ['pipe', 'a byte there and back through pipes', 'µs', 'pipe'],
  ['loop', 'a loop of arithmetic', 'ms', 'loop'],
  ['compile', '`cc -O2` of the program that measures this (bench/guest-work.c)', 'ms', 'compile'],
  ['python', '`python3 -c 0`', 'ms', 'python'],
  ['create.memory', '5,000 files of 1 KB made, in memory', 'ms', 'create.memory'],
  ['stat.memory', '5,000 times stat(2), in memory', 'ms', 'stat.memory'],
  ['create.disk', '5,000 files made, on an ext4 of `--disk`', 'ms', 'create.disk'],
  ['stat.disk', '5,000 times stat(2), there', 'ms', 'stat.disk'],
  ['write.disk', '128 MB written and fsync(2), there', 'ms', 'write.disk'],
  ['read.disk', '128 MB read from the host’s cache, there', 'ms', 'read.disk'],
  ['create.mount', '5,000 files made, in a `--mount`', 'ms', 'create.disk'],
  ['stat.mount', '5,000 times stat(2), there', 'ms', 'stat.disk'],
  ['write.mount', '128 MB written and fsync(2), there', 'ms', 'write.disk'],
  ['read.mount', '128 MB read from the host’s cache, there', 'ms', 'read.disk'],
];

type Times = Map<string, number>;

/** A way to do the work. */
interface Worker {
  name: string;
  samples: Times[];
  work: () => Promise<string>;
}

const parse = (text: string): Times =>
  new Map(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const [name = '', seconds] = line.split(' ');
        return [name, Number(seconds)];
      }),
  );

/** The program, its source, a folder in memory, one on the disk and one to mount, and the image of a disk. */
async function prepare({ work, dir }: Bench, memory: string): Promise<void> {
  for (const folder of [memory, `${work}/memory`, `${work}/disk`, `${dir}/mount`]) mkdirSync(folder);
  copyFileSync('bench/guest-work.c', `${work}/guest-work.c`);
  const files = ['-o', `${work}/guest-work`, `${work}/guest-work.c`];
  await execa('cc', ['-O2', '-static', ...WARNINGS, ...files]);
  await execa('truncate', ['-s', '512M', `${dir}/disk.img`]);
  await execa('mkfs.ext4', ['-q', '-F', `${dir}/disk.img`]);
}

function workers(bench: Bench, kernels: readonly BenchKernel[], memory: string): Worker[] {
  const { work, dir } = bench;
  const places = [memory, `${work}/disk`];
  const native = [`${work}/guest-work`, work, ...places];
  const pinned = async (...words: string[]): Promise<string> =>
    (await execa('taskset', ['-c', CPU, ...words], { cwd: work })).stdout;
  const devices = ['--dev-bind', '/dev', '/dev', '--proc', '/proc'];
  const bwrap = ['bwrap', '--bind', '/', '/', ...devices, '--unshare-all', '--chdir', work, ...native];
  const inside = 'mkdir /bench/disk && mount /dev/ubda /bench/disk && exec ./guest-work "$@"';
  const words = [work, 'cold', `${work}/memory`, '/bench/disk', '/bench/mount'];
  return [
    { name: 'native', samples: [], work: () => pinned(...native) },
    { name: 'bubblewrap', samples: [], work: () => pinned(...bwrap) },
    ...kernels.map((kernel) => ({
      name: kernel.name,
      samples: [],
      work: async () => {
        const flags = ['--mem', '512M', '--disk', `${dir}/disk.img`, '--mount', `${dir}/mount:/bench/mount`];
        const command = ['--', 'sh', '-c', inside, 'sh', ...words];
        return (await bench.compart('boot', ...kernel.words, ...flags, ...command)).stdout;
      },
    })),
  ];
}

/** Work of a kernel and of programs: natively, under bubblewrap and in guests, one after the other, round by round. */
export async function workTimes(bench: Bench, kernels: readonly BenchKernel[]): Promise<Part> {
  const memory = `/dev/shm/compart-bench-${process.pid}`;
  const remove = (): unknown => execa('rm', ['-rf', memory]);
  try {
    await prepare(bench, memory);
    mkdirSync(`${memory}/memory`);
    const list = workers(bench, kernels, `${memory}/memory`);
    for (let round = 0; round < ROUNDS; round += 1)
      for (const { samples, work } of list) samples.push(parse(await work()));
    return { lines: ratios(list), samples: samplesOf(list) };
  } finally {
    await remove();
  }
}

const samplesOf = (list: readonly Worker[]): unknown =>
  list.map(({ name, samples }) => ({ name, samples: samples.map((times) => Object.fromEntries(times)) }));

/** Three digits at most where there is a point in it. Pure. */
const plain = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

function ratios([native, ...list]: readonly Worker[]): string[] {
  const middle = (samples: readonly Times[] | undefined, name: string): number | null => {
    const values = (samples ?? []).flatMap((times) => times.get(name) ?? []);
    return values.length === 0 ? null : median(values);
  };
  const shown = (seconds: number, unit: 'µs' | 'ms'): string =>
    `${plain(seconds * (unit === 'µs' ? 1e6 : 1e3))} ${unit}`;
  const rows = ROWS.map(([name, title, unit, beside]) => {
    const base = middle(native?.samples, beside) ?? 0;
    const cells = list.map(({ samples }) => {
      const value = middle(samples, name);
      if (value === null) return '-';
      return `${plain(value / base)} × (${shown(value, unit)})`;
    });
    return `| ${title} | ${shown(base, unit)} | ${cells.join(' | ')} |`;
  });
  return [
    `| work, medians of ${ROUNDS} rounds | native | ${list.map(({ name }) => name).join(' | ')} |`,
    `|---|---|${'---|'.repeat(list.length)}`,
    ...rows,
  ];
}
