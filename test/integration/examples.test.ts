import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { FRIENDLY, HOSTILE } from '../support/hostile.js';
import { service, told } from '../support/library.js';
import { QUICK_NODE, requires } from '../support/requires.js';
import { processesBelow, useSandbox, type Sandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const example = (name: string): string => JSON.stringify(`${process.cwd()}/examples/${name}.mjs`);
const PATIENCE_MS = 120_000;

interface Answer {
  stdout: string;
  exitCode: number | null;
  verdict: string;
  limitHit: string | null;
  truncated: boolean;
}

/** Sends a visitor's code, again where the service is busy. */
async function visit(url: string, code: string): Promise<Answer> {
  for (;;) {
    const answer = await fetch(`${url}/run`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: code,
    });
    if (answer.status === 200) return (await answer.json()) as Answer;
    if (answer.status !== 503) throw new Error(`${answer.status} ${await answer.text()}`);
    await delay(200);
  }
}

/** All scripts at once, twice, while somebody asks every 50 ms whether the service is well. */
async function attack(url: string, current: Sandbox, pid: number): Promise<void> {
  const done = new AbortController();
  let healthy = 0;
  const watch = (async () => {
    while (!done.signal.aborted) {
      const { status } = await fetch(`${url}/health`);
      if (status === 200) healthy += 1;
      else throw new Error(`health: ${status}`);
      await delay(50);
    }
  })();
  const names = Object.keys(HOSTILE);
  const rounds = await Promise.all([...names, ...names].map((name) => visit(url, HOSTILE[name] ?? '')));
  done.abort();
  await watch;
  expect(healthy).toBeGreaterThan(20);
  const answers = Object.fromEntries(names.map((name, index) => [name, rounds[index]]));
  // With a fifth of a CPU, on a busy machine, its time may be over before its memory is.
  expect(['oom', 'timeout']).toContain(answers['memory hog']?.verdict);
  expect(answers['busy loop']).toMatchObject({ verdict: 'timeout' });
  expect(['pids', 'timeout', 'oom']).toContain(answers['fork bomb']?.verdict);
  expect(answers['output flood']).toMatchObject({ truncated: true });
  expect(answers['output flood']?.stdout).toHaveLength(65_536);
  expect(answers['network attempts']).toMatchObject({ stdout: 'ENETUNREACH', exitCode: 0 });
  expect(processesBelow(current.base)).toEqual([]);
  expect(await visit(url, FRIENDLY)).toMatchObject({ stdout: '42', verdict: 'ok', exitCode: 0 });
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  expect(rss).toBeLessThan(250_000);
}

describe("the example of a service that runs visitors' code", () => {
  requires(
    'root',
    'ip',
    'cgroup-memory',
    'cgroup-cpu',
    'cgroup-pids',
    QUICK_NODE,
  )(
    'holds fork bomb, hog, loop, flood, network and killer each to its limits, answers others meanwhile, and nothing is left',
    async () => {
      const { current } = sandbox;
      const running = service(
        current,
        `import { visitors } from ${example('visitors')};
         const web = visitors();
         process.once('SIGTERM', () => void web.close());
         console.log(await web.listen({ port: 0 }));`,
      );
      const url = await new Promise<string>((resolve) =>
        running.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())),
      );
      try {
        await attack(url, current, running.pid ?? 0);
      } finally {
        running.kill('SIGTERM');
      }
      expect((await running).exitCode).toBe(0);
    },
    PATIENCE_MS,
  );
});

describe('the example of a build runner', () => {
  requires('groups', 'cgroup-memory')(
    'runs five jobs through two compartments, shows their lines as they come, and tells each end',
    async () => {
      const [results, seen, most] = await told<[Array<Record<string, unknown>>, string[], number]>(
        sandbox.current,
        `import { build } from ${example('builds')};
         const seen = [];
         let most = 0;
         const jobs = [
           { name: 'one', argv: ['sh', ['-c', 'echo first; sleep 0.3; echo second']].flat() },
           { name: 'two', argv: ['sh', '-c', 'echo wrong >&2; exit 1'] },
           { name: 'three', argv: ['pwd'], cwd: '/usr' },
           { name: 'hog', argv: ['tail', '/dev/zero'] },
           { name: 'stays', argv: ['sh', '-c', 'sleep 600 > /dev/null 2>&1 & echo started'] },
         ];
         const progress = async (name, line) => {
           if (line !== null) seen.push(name + ': ' + line);
           most = Math.max(most, (await Compartment.list()).length);
         };
         said(await build(jobs, { width: 2, limits: { mem: '64M' }, progress }));
         said(seen.sort());
         said(most);`,
      );
      expect(results.map(({ name, ok, limit }) => [name, ok, limit])).toEqual([
        ['one', true, null],
        ['two', false, null],
        ['three', true, null],
        ['hog', false, 'vm'],
        ['stays', true, null],
      ]);
      expect(seen).toEqual(['one: first', 'one: second', 'stays: started', 'three: /usr', 'two: wrong']);
      expect(most).toBe(2);
    },
  );
});

describe("the example of a service's own registry", () => {
  requires('groups', 'cgroup-memory')('shows a job that runs beside the metrics of the service', async () => {
    const [during, after] = await told<[string[], string[]]>(
      sandbox.current,
      `import { metrics } from ${example('metrics')};
       const server = metrics();
       await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
       const url = 'http://127.0.0.1:' + server.address().port;
       const lines = async () => (await (await fetch(url + '/metrics')).text()).split('\\n');
       const job = fetch(url + '/job');
       while ((await Compartment.list()).length === 0) await delay(20);
       const wanted = /^(compart_memory_limit_bytes|compart_labels|jobs_total)/;
       said((await lines()).filter((line) => wanted.test(line)));
       await (await job).text();
       said((await lines()).filter((line) => wanted.test(line)));
       server.close();`,
    );
    expect(during.sort()).toEqual([
      expect.stringMatching(/^compart_labels\{compartment="[a-z0-9-]+",label_team="web"\} 1$/),
      expect.stringMatching(/^compart_memory_limit_bytes\{compartment="[a-z0-9-]+"\} 33554432$/),
    ]);
    expect(after).toEqual(['jobs_total{verdict="ok"} 1']);
  });
});
