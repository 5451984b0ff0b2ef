import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { peers } from './peers.js';
import { publish, type Series } from './table.js';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 41);

/** Node reads the certificates that this names at every start: not what is measured here. */
const { NODE_EXTRA_CA_CERTS: _unset, ...env } = process.env;

/** A command to be timed. */
export interface Command {
  name: string;
  argv: readonly string[];
  env?: Record<string, string>;
}

/** From the start to the end of a command, in milliseconds. @throws for another status than 0 */
export function time({ argv: [file = '', ...argv], env: more }: Command): Promise<number> {
  const dir = mkdtempSync(`${tmpdir()}/compart-bench-`);
  // A file: nobody has to read while the time runs.
  const complaints = `${dir}/stderr`;
  const stderr = openSync(complaints, 'w');
  return new Promise<number>((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(file, argv, { stdio: ['ignore', 'ignore', stderr], env: { ...env, ...more } });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) return resolve(Number(process.hrtime.bigint() - started) / 1e6);
      const said = readFileSync(complaints, 'utf8').trim();
      reject(new Error(`${[file, ...argv].join(' ')}: status ${String(code)}: ${said}`));
    });
  }).finally(() => {
    closeSync(stderr);
    rmSync(dir, { recursive: true });
  });
}

/** How long it takes to start and end `true`, with limits where the peer has them. */
export async function launch(): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/compart-bench-`);
  const { list, cleanUp } = await peers(dir);
  const compart = ['bin/compart', 'run', '--mem', '64M', '--cpu', '50%', '--pids', '100', '--', 'true'];
  const commands: Command[] = [
    { name: 'true, started by itself', argv: ['true'] },
    { name: 'node -e 0', argv: ['node', '-e', '0'] },
    { name: 'compart run --mem --cpu --pids, cold', argv: compart },
    { name: 'the same, planned by Node', argv: compart, env: { COMPART_PLANNER: 'node' } },
    ...list.flatMap(({ name, argv }) => (argv === null ? [] : [{ name, argv }])),
  ];
  const series: Series[] = commands.map(({ name }) => ({ name, samples: [] }));
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, command] of commands.entries()) series[index]?.samples.push(await time(command));
    }
  } finally {
    cleanUp();
    rmSync(dir, { recursive: true, force: true });
  }
  const absent = list
    .filter(({ argv }) => argv === null)
    .map(({ name, why }) => `not measured: ${name}: ${why ?? ''}`);
  publish('launch', 'Starting a program', series, [
    'cold: nothing of compart runs before; the planner starts each time, compiled or in Node',
    ...absent,
  ]);
}
