// A web service that runs its visitors' JavaScript: each in 64 MiB, a fifth of a CPU, no network, 32 tasks, 2 seconds.
//
//   node examples/visitors.mjs 8080 &
//   curl --data-binary 'console.log(6 * 7)' -H 'content-type: text/plain' localhost:8080/run
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import { run } from 'compart';

const LIMITS = { mem: '64M', cpu: '20%', net: 'none', pids: 32, timeout: '2s', forceKillAfterDelay: 0 };
const KIB = 1024;

/** Lets `width` through at once and `queue` wait; refuses who comes then. */
function gate(width, queue) {
  const waiting = [];
  let inside = 0;
  const leave = () => {
    inside -= 1;
    waiting.shift()?.();
  };
  return async (work) => {
    if (inside >= width) {
      if (waiting.length >= queue) return null;
      await new Promise((resolve) => waiting.push(resolve));
    }
    inside += 1;
    return work().finally(leave);
  };
}

/** The service, not listening yet. @param user whose rights the code has, or null for those of the service */
export function visitors({ width = 4, queue = 32, user = process.getuid() === 0 ? 'nobody' : null } = {}) {
  const service = Fastify({ bodyLimit: 64 * KIB });
  const enter = gate(width, queue);
  service.get('/health', async () => ({ ok: true }));
  service.post('/run', async (request, reply) => {
    const gone = new AbortController();
    // Of the answer, not of the connection, which may have others.
    reply.raw.once('close', () => gone.abort());
    const result = await enter(() =>
      run(process.execPath, ['-'], {
        ...LIMITS,
        ...(user === null ? {} : { user }),
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
