// A web service that runs its visitors' JavaScript: each in 64 MiB, a fifth of a CPU, no network, 32 tasks, 2 seconds.
//
//   node examples/visitors.mjs 8080 &
//   curl --data-binary 'console.log(6 * 7)' -H 'content-type: text/plain' localhost:8080/run
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import { run } from 'compart';

const LIMITS = {
  mem: '64M',
  cpu: '20%',
  cpuWeight: 'idle',
  net: 'none',
  pids: 32,
  timeout: '2s',
  forceKillAfterDelay: 0,
};
const KIB = 1024;
const HERE = fileURLToPath(import.meta.url);
const RUNNER = '--runner';

/** Lets `width` through at once, each in a place of its own, 0 and up, and `queue` wait; refuses who comes then. */
function gate(width, queue) {
  const waiting = [];
  const free = Array.from({ length: width }, (_, place) => place);
  return async (work) => {
    if (free.length === 0 && waiting.length >= queue) return null;
    const place = free.shift() ?? (await new Promise((resolve) => waiting.push(resolve)));
    return work(place).finally(() => {
      const next = waiting.shift();
      if (next === undefined) free.push(place);
      else next(place);
    });
  };
}

/** In a process of its own: starting another takes milliseconds of an event loop, and copies the tables of all its memory. */
function runFor(firstUid) {
  const running = new Map();
  const answer = async ({ number, place, code }) => {
    const gone = new AbortController();
    running.set(number, gone);
    const { stdout, stderr, exitCode, verdict, limitHit, truncated, durationMs } = await run(
      process.execPath,
      ['-'],
      {
        ...LIMITS,
        ...(firstUid === null ? {} : { user: `${firstUid + place}:${firstUid + place}` }),
        input: code,
        cwd: '/',
        extendEnv: false,
        maxBuffer: 64 * KIB,
        reject: false,
        cancelSignal: gone.signal,
      },
    );
    return { stdout, stderr, exitCode, verdict, limitHit, truncated, durationMs };
  };
  process.once('disconnect', () => process.exit());
  process.on('message', (asked) => {
    const { number } = asked;
    if (asked.code === undefined) return void running.get(number)?.abort();
    answer(asked)
      .then(
        (value) => ({ value }),
        (error) => ({ error: { message: error.message, statusCode: 500 } }),
      )
      .then((settled) => process.send({ number, ...settled }))
      .finally(() => running.delete(number));
  });
}

/** The process that runs code, seen from outside: `ask` is a promise of how it ended. It gives way like what it runs. */
function runner(firstUid) {
  const argv = ['--idle', '0', process.execPath, HERE, RUNNER, JSON.stringify(firstUid)];
  const worker = spawn('chrt', argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const asked = new Map();
  let count = 0;
  worker.on('message', ({ number, value, error }) => {
    const { resolve, reject } = asked.get(number);
    asked.delete(number);
    if (error === undefined) resolve(value);
    else reject(error);
  });
  return {
    ask: (place, code, signal) =>
      new Promise((resolve, reject) => {
        const number = (count += 1);
        asked.set(number, { resolve, reject });
        worker.send({ number, place, code });
        signal.addEventListener('abort', () => worker.send({ number }), { once: true });
      }),
    end: () =>
      new Promise((resolve) => {
        worker.once('exit', resolve);
        worker.disconnect();
      }),
  };
}

/**
 * The service, not listening yet.
 * @param firstUid who runs at the same time has this user id, the next and so on, ids that nobody else has: processes
 *   of one user may kill each other. Null for the rights of the service, which its visitors may then kill, too.
 */
export function visitors({ width = 4, queue = 32, firstUid = process.getuid() === 0 ? 60_600 : null } = {}) {
  const service = Fastify({ bodyLimit: 64 * KIB });
  const enter = gate(width, queue);
  const { ask, end } = runner(firstUid);
  service.addHook('onClose', end);
  service.get('/health', async () => ({ ok: true }));
  service.post('/run', async (request, reply) => {
    const gone = new AbortController();
    // Of the answer, not of the connection, which may have others.
    reply.raw.once('close', () => gone.abort());
    const result = await enter((place) => ask(place, request.body, gone.signal));
    if (result === null) return reply.code(503).header('retry-after', '2').send({ error: 'busy' });
    return result;
  });
  return service;
}

if (process.argv[1] === HERE && process.argv[2] === RUNNER) {
  runFor(JSON.parse(process.argv[3]));
} else if (process.argv[1] === HERE) {
  const address = await visitors().listen({ port: Number(process.argv[2] ?? 8080) });
  console.log(address);
}
