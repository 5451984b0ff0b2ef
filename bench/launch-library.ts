import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A way to start and end `true`. @returns milliseconds */
export interface Way {
  name: string;
  start: () => Promise<number>;
}

/** In a row, of which the last is timed: a service that starts programs has just started another. */
const IN_A_ROW = 4;

async function timed(work: () => Promise<unknown>): Promise<number> {
  for (let before = 1; before < IN_A_ROW; before += 1) await work();
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e6;
}

/** Within this process: Node's own spawn(), and the library, which looks for its state folder once. */
export async function inProcess(state: string): Promise<Way[]> {
  process.env['COMPART_STATE'] = state;
  const { run } = await import('../src/index.js');
  const limits = { mem: '64M', cpu: '50%', pids: 100 };
  return [
    {
      name: 'library: child_process.spawn',
      start: () => timed(() => once(spawn('true', { stdio: 'ignore' }), 'exit')),
    },
    { name: 'library: run(), same limits', start: () => timed(() => run('true', limits)) },
  ];
}
