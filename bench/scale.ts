import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { Host } from '../src/host/host.js';
import { inTurns } from '../src/shared/turns.js';
import { Fleet } from './fleet.js';
import { time, type Command } from './launch.js';
import { machine } from './machine.js';
import { writeTopic } from './page.js';
import { median } from './table.js';

const ALIVE = Number(process.env['BENCH_ALIVE'] ?? 1000);
const LAUNCHES = Number(process.env['BENCH_LAUNCHES'] ?? 1000);
const AT_ONCE = 50;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 21);
const IDLE_MS = 10_000;
const RUN = ['run', '--mem', '64M', '--cpu', '50%', '--pids', '100', '--', 'true'];

interface Readings {
  cold: number[];
  warm: number[];
  ps: number[];
}

async function read(state: string): Promise<Readings> {
  const argv = ['bin/compart', ...RUN];
  const env = { COMPART_STATE: state };
  const commands: Record<keyof Readings, Command> = {
    cold: { name: 'cold', argv, env: { ...env, COMPART_PLANNER: 'cold' } },
    warm: { name: 'warm', argv, env },
    ps: { name: 'ps', argv: ['bin/compart', 'ps'], env },
  };
  const readings: Readings = { cold: [], warm: [], ps: [] };
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [key, command] of Object.entries(commands))
      readings[key as keyof Readings].push(await time(command));
  return readings;
}

/** Starts many, so many at a time. @returns how many failed, and how long all took in seconds */
async function storm(env: Record<string, string>): Promise<{ failed: number; seconds: number }> {
  let failed = 0;
  const launch = async (): Promise<void> => {
    const ended = await execa('bin/compart', RUN, { env, reject: false, stdin: 'ignore' });
    if (ended.exitCode !== 0 || ended.stderr !== '') failed += 1;
  };
  const started = performance.now();
  await inTurns(Array<typeof launch>(LAUNCHES).fill(launch), AT_ONCE);
  return { failed, seconds: (performance.now() - started) / 1000 };
}

/** Memory and CPU time of a process. @returns MiB, and ticks of 10 ms */
function costOf(pid: number): { mib: number; ticks: number } {
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return { mib: Number(rss) / 1024, ticks: Number(fields[11]) + Number(fields[12]) };
}

/** A thousand compartments alive, a thousand that come and go, and what the service for them costs. */
export async function scale(): Promise<void> {
  const dir = mkdtempSync('/dev/shm/compart-bench-');
  const state = `${dir}/state`;
  const env = { COMPART_STATE: state };
  process.env['COMPART_STATE'] = state;
  const fleet = new Fleet(Host.current());
  try {
    await execa('bin/compart', ['warm'], { env });
    const alone = await read(state);
    await fleet.grow(ALIVE);
    const beside = await read(state);
    await fleet.end();
    const warm = await storm(env);
    const cold = await storm({ ...env, COMPART_PLANNER: 'cold' });
    const { stdout } = await execa('bin/compart', ['warm', '--status', '--json'], { env });
    const { pid } = JSON.parse(stdout) as { pid: number };
    const before = costOf(pid);
    await delay(IDLE_MS);
    const after = costOf(pid);
    await execa('bin/compart', ['warm', '--stop'], { env });
    const left = readdirSync(`${state}/compartments`).length;
    publishScale({
      alone,
      beside,
      warm,
      cold,
      left,
      rssMib: after.mib,
      idleTicks: after.ticks - before.ticks,
    });
  } finally {
    await fleet.end();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Scale {
  alone: Readings;
  beside: Readings;
  warm: { failed: number; seconds: number };
  cold: { failed: number; seconds: number };
  left: number;
  rssMib: number;
  idleTicks: number;
}

function publishScale(all: Scale): void {
  const { alone, beside, warm, cold, left, rssMib, idleTicks } = all;
  const row = (name: string, key: keyof Readings): string => {
    const [first, last] = [median(alone[key]), median(beside[key])];
    return `| ${name} | ${first.toFixed(1)} | ${last.toFixed(1)} | ${(last / first).toFixed(2)} |`;
  };
  const storms = (name: string, { failed, seconds }: Scale['warm']): string =>
    `| ${name} | ${seconds.toFixed(1)} s, ${(LAUNCHES / seconds).toFixed(0)} a second | ${failed} |`;
  const lines = [
    `\`npm run bench -- scale\` on ${machine()}; medians of ${ROUNDS} rounds, milliseconds.`,
    '',
    `| command | alone | beside ${ALIVE} that are alive | × |`,
    '|---|---|---|---|',
    row('compart run --mem --cpu --pids of `true`, cold', 'cold'),
    row('the same, through `compart warm`', 'warm'),
    row('compart ps', 'ps'),
    '',
    `| ${LAUNCHES} launches of \`true\` with limits, ${AT_ONCE} at a time | took | failed |`,
    '|---|---|---|',
    storms('through `compart warm`', warm),
    storms('cold', cold),
    '',
    `- Left of all of them: ${left} compartments.`,
    `- The service after it: ${rssMib.toFixed(0)} MiB resident; in ${IDLE_MS / 1000} s without a caller ${idleTicks * 10} ms of CPU.`,
  ];
  writeTopic('scale', lines, all);
}
