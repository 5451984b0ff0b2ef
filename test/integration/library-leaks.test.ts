import { describe, expect } from '@jest/globals';
import { told } from '../support/library.js';
import { COUNTS_IO, requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const here = <T extends readonly unknown[]>(code: string): Promise<T> => told<T>(sandbox.current, code);
const NEEDS = ['groups', 'cgroup-memory', 'cgroup-pids'];
const inGroups = requires(...NEEDS);
const withCounts = requires(...NEEDS, COUNTS_IO);
const PATIENCE_MS = 180_000;

interface Counts {
  fds: number;
  children: string;
  listeners: number;
  resources: string;
  heap: number;
}

/** What a service holds, after everything that can be collected has been. */
const COUNTS = `
  import { getEventListeners } from 'node:events';
  const shared = new AbortController();
  // Opened with its first use.
  process.stdout.write('');
  const counts = async () => {
    await delay(300);
    globalThis.gc?.();
    return {
      fds: fs.readdirSync('/proc/self/fd').length,
      children: fs.readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim(),
      listeners: getEventListeners(shared.signal, 'abort').length + process.eventNames().length,
      resources: process.getActiveResourcesInfo().filter((each) => !['Timeout', 'CloseReq'].includes(each)).sort().join(),
      heap: process.memoryUsage().heapUsed,
    };
  };
  (await import('node:v8')).setFlagsFromString('--expose-gc');
  globalThis.gc = (await import('node:vm')).runInNewContext('gc');
`;

describe('a service that runs many commands', () => {
  inGroups(
    'leaks no descriptor, child, listener or memory in 500 runs, 20 in flight, with aborts at random',
    async () => {
      const [before, after, ends, left] = await here<[Counts, Counts, Record<string, number>, number]>(`
        ${COUNTS}
        const commands = [
          ['true'], ['sh', ['-c', 'exit 3']], ['no-such-command'], ['seq', ['2000']], ['sleep', ['30']],
          ['sh', ['-c', 'sleep 30 & sleep 30']], ['cat', [], { input: 'x'.repeat(100000) }], ['yes', [], { maxBuffer: 5000 }],
        ];
        let seed = 1;
        const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
        const ends = {};
        // Some are to end before they are aborted, wherever this runs.
        const began = performance.now();
        await Promise.all(Array.from({ length: 20 }, () => run('true', { mem: '32M', pids: 20 })));
        const most = Math.max(120, Math.ceil(performance.now() - began));
        const one = async () => {
          const [file, args = [], options = {}] = commands[random(commands.length)];
          const own = new AbortController();
          const cancelSignal = AbortSignal.any([shared.signal, own.signal]);
          const timer = setTimeout(() => own.abort(), random(most));
          const code = await run(file, args, { mem: '32M', pids: 20, cancelSignal, forceKillAfterDelay: 200, ...options }).then(
            () => 'ok', (error) => error.code);
          clearTimeout(timer);
          ends[code] = (ends[code] ?? 0) + 1;
        };
        const many = async (count) => {
          let next = 0;
          const worker = async () => { while (next++ < count) await one(); };
          await Promise.all(Array.from({ length: 20 }, worker));
        };
        await many(60);
        said(await counts());
        for (const code of Object.keys(ends)) delete ends[code];
        await many(500);
        said(await counts());
        said(ends);
        said((await Compartment.list()).length);`);
      const { heap: heapBefore, ...heldBefore } = before;
      const { heap: heapAfter, ...heldAfter } = after;
      expect(heldAfter).toEqual(heldBefore);
      expect(heapAfter - heapBefore).toBeLessThan(3e6);
      expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(500);
      expect(Object.keys(ends).sort()).toEqual(
        expect.arrayContaining(['ERR_COMPART_CANCELED', 'ERR_COMPART_FAILED', 'ok']),
      );
      expect(left).toBe(0);
    },
    PATIENCE_MS,
  );

  inGroups(
    'listens once to a signal, however many runs it is to end, and not at all when they have ended',
    async () => {
      const [counts] = await here<[number[]]>(`
      ${COUNTS}
      const runs = Array.from({ length: 30 }, () => run('true', { cancelSignal: shared.signal }));
      const during = getEventListeners(shared.signal, 'abort').length;
      await Promise.all(runs);
      said([during, getEventListeners(shared.signal, 'abort').length]);`);
      expect(counts).toEqual([1, 0]);
    },
  );
});

describe('a consumer that stops reading', () => {
  withCounts('stops the command, whose output the service does not hold', async () => {
    const [stopped, grown, more] = await here<[boolean, number, boolean]>(`
      ${COUNTS}
      const written = (pid) => Number(/wchar: (\\d+)/.exec(fs.readFileSync('/proc/' + pid + '/io', 'utf8'))[1]);
      const before = process.memoryUsage().rss;
      const flood = run('yes', ['x'.repeat(1000)], { buffer: false, reject: false });
      const lines = flood.lines();
      await lines.next();
      const pid = flood.pid;
      await delay(500);
      const then = written(pid);
      await delay(1000);
      said(written(pid) === then);
      said(process.memoryUsage().rss - before);
      for (let n = 0; n < 20000; n += 1) await lines.next();
      await delay(200);
      said(written(pid) > then);
      await flood[Symbol.asyncDispose]();`);
    expect([stopped, more]).toEqual([true, true]);
    expect(grown).toBeLessThan(30e6);
  });

  inGroups('gets 300 MB through a slow stream with memory that stays flat', async () => {
    const [bytes, peak] = await here<[number, number]>(`
      import { Writable } from 'node:stream';
      import { pipeline } from 'node:stream/promises';
      const before = process.memoryUsage().rss;
      let bytes = 0;
      let peak = 0;
      const slow = new Writable({
        write(chunk, _, done) {
          bytes += chunk.length;
          peak = Math.max(peak, process.memoryUsage().rss - before);
          setImmediate(done);
        },
      });
      const flood = run('head', ['-c', '300000000', '/dev/zero'], { buffer: false });
      await Promise.all([pipeline(flood.stdout, slow), flood]);
      said(bytes);
      said(peak);`);
    expect(bytes).toBe(300_000_000);
    expect(peak).toBeLessThan(80e6);
  });
});
