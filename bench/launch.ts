import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { execa } from 'execa';
import { inProcess, type Way } from './launch-library.js';
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

const LIMITS = ['--mem', '64M', '--cpu', '50%', '--pids', '100'];

/** How compart is told to plan: by a new process each time, or by a service of its own state folder. */
const planned = (state: string) => {
  const warm = { COMPART_STATE: state };
  return { warm, cold: { ...warm, COMPART_PLANNER: 'cold' } };
};

/** compart itself, cold and through a service. */
function own(state: string): Command[] {
  const argv = ['bin/compart', 'run', ...LIMITS, '--', 'true'];
  const { warm, cold } = planned(state);
  return [
    { name: 'compart run --mem --cpu --pids, cold', argv, env: cold },
    { name: 'the same, planned by Node', argv, env: { ...warm, COMPART_PLANNER: 'node' } },
    { name: 'the same, through `compart warm`', argv, env: warm },
  ];
}

/** The same with a network; bubblewrap must not come after it, which binds /run/netns while a namespace leaves that. */
function ownNetwork(state: string): Command[] {
  const argv = ['bin/compart', 'run', ...LIMITS, '--net', '10mbit', '--', 'true'];
  const { warm, cold } = planned(state);
  return [
    { name: 'compart run with --net 10mbit, cold', argv, env: cold },
    { name: 'compart run with --net 10mbit, through `compart warm`, from a pool of stacks', argv, env: warm },
    {
      name: 'the same, with a rate that no stack of the pool has',
      argv: argv.map((word) => (word === '10mbit' ? '20mbit' : word)),
      env: warm,
    },
  ];
}

/** How long it takes to start and end `true`, with limits where the peer has them. */
export async function launch(): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/compart-bench-`);
  // In memory, as /run is where there is a system manager.
  const run = mkdtempSync('/dev/shm/compart-bench-');
  const state = `${run}/state`;
  const { list, cleanUp } = await peers(dir);
  const ways: Way[] = [
    { name: 'true, started by itself', argv: ['true'] },
    { name: 'node -e 0', argv: ['node', '-e', '0'] },
    ...own(state),
    ...list.flatMap(({ name, argv }) => (argv === null ? [] : [{ name, argv }])),
    ...ownNetwork(state),
  ].map((command) => ({ name: command.name, start: () => time(command) }));
  ways.push(...(await inProcess(state)));
  const series: Series[] = ways.map(({ name }) => ({ name, samples: [] }));
  await execa('bin/compart', ['warm', '--stacks', '2', '--net', '10mbit'], { env: { COMPART_STATE: state } });
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, way] of ways.entries()) series[index]?.samples.push(await way.start());
    }
  } finally {
    await execa('bin/compart', ['warm', '--stop'], { env: { COMPART_STATE: state }, reject: false });
    cleanUp();
    for (const folder of [dir, run]) rmSync(folder, { recursive: true, force: true });
  }
  const absent = list
    .filter(({ argv }) => argv === null)
    .map(({ name, why }) => `not measured: ${name}: ${why ?? ''}`);
  publish('launch', series, [
    'cold: nothing of compart runs before; the planner starts each time, compiled or in Node',
    'library: from the call to the promise, in a Node process that has just done it three times',
    ...absent,
  ]);
}
