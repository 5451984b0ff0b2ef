// A build runner: jobs go through a pool of compartments, and every line of them is shown as it comes.
//
//   node examples/builds.mjs 'make -C one' 'make -C two' 'make -C three'
import { fileURLToPath } from 'node:url';
import { Compartment } from 'compart';

/**
 * Runs jobs, as many at once as there are compartments in the pool; what a job leaves running ends with it.
 * @param jobs `{ name, argv, cwd }`
 * @param progress called with each line of output, and at each end: `(job, line)`, `(job, null, ending)`
 * @returns `{ name, ok, limit, seconds }` of each, in the order of the jobs
 */
export async function build(
  jobs,
  { width = 2, limits = { mem: '1G', cpu: '100%', pids: 500 }, progress } = {},
) {
  const results = [];
  const queue = jobs.entries();
  const worker = async () => {
    const box = await Compartment.create(limits);
    try {
      // All workers draw from one queue.
      for (const [index, job] of queue) {
        results[index] = await one(box, job, progress);
        await box.kill();
      }
    } finally {
      await box.remove();
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

async function one(box, { name, argv: [file, ...args], cwd }, progress) {
  const job = box.exec(file, args, { buffer: false, reject: false, ...(cwd === undefined ? {} : { cwd }) });
  const show = async (from) => {
    for await (const line of job.lines(from)) progress?.(name, line);
  };
  await Promise.all([show('stdout'), show('stderr')]);
  const { failed, limitHit, durationMs } = await job;
  const ending = { name, ok: !failed, limit: limitHit, seconds: durationMs / 1000 };
  progress?.(name, null, ending);
  return ending;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const jobs = process.argv.slice(2).map((text) => ({ name: text, argv: text.split(' ') }));
  const progress = (name, line, ending) =>
    console.log(
      line === null
        ? `${name}: ${ending.ok ? 'done' : 'failed'} in ${ending.seconds.toFixed(1)} s`
        : `${name} | ${line}`,
    );
  const results = await build(jobs, { progress });
  process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
}
