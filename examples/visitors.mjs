// A web service that runs its visitors' JavaScript: each in 64 MiB, a fifth of a CPU, no network, 32 tasks, 2 seconds.
//
//   node examples/visitors.mjs 8080 &
//   curl --data-binary 'console.log(6 * 7)' -H 'content-type: text/plain' localhost:8080/run
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import { run } from 'compart';

const LIMITS = { mem: '64M', cpu: '20%', net: 'none', pids: 32, timeout: '2s', forceKillAfterDelay: 0 };
const KIB = 1024;

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

/**
 * The service, not listening yet.
 * @param firstUid who runs at the same time has this user id, the next and so on, ids that nobody else has: processes
 *   of one user may kill each other. Null for the rights of the service, which its visitors may then kill, too.
 */
export function visitors({ width = 4, queue = 32, firstUid = process.getuid() === 0 ? 60_600 : null } = {}) {
  const service = Fastify({ bodyLimit: 64 * KIB });
  const enter = gate(width, queue);
  service.get('/health', async () => ({ ok: true }));
  service.post('/run', async (request, reply) => {
    const gone = new AbortController();
    // Of the answer, not of the connection, which may have others.
    reply.raw.once('close', () => gone.abort());
    const result = await enter((place) =>
      run(process.execPath, ['-'], {
        ...LIMITS,
        ...(firstUid === null ? {} : { user: `${firstUid + place}:${firstUid + place}` }),
        input: request.body,
        cwd: '/',
        extendEnv: false,
        maxBuffer: 64 * KIB,
        reject: false,
        cancelSignal: gone.signal,
      }),
    );
    if (result === null) return reply.code(503).header('retry-after', '2').send({ error: 'busy' });
    const { stdout, stderr, exitCode, verdict, limitHit, truncated, durationMs } = result;
    return { stdout, stderr, exitCode, verdict, limitHit, truncated, durationMs };
  });
  return service;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const address = await visitors().listen({ port: Number(process.argv[2] ?? 8080) });
  console.log(address);
}
