import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { execa, type ResultPromise } from 'execa';
import { until } from './programs.js';
import { COMPART, type Sandbox } from './sandbox.js';

/** What `compart warm --status --json` says. */
export interface Status {
  pid: number;
  running: number;
  planned: number;
  declined: number;
}

export const statusOf = (sandbox: Sandbox): Promise<Status> => sandbox.json<Status>(['warm', '--status']);

/** Starts a service of the sandbox and waits until it listens. */
export function startService(sandbox: Sandbox, ...flags: string[]): Promise<Status> {
  return sandbox.json<Status>(['warm', ...flags]);
}

/** Ends the one that runs, whatever became of it. */
export async function stopService(sandbox: Sandbox): Promise<void> {
  const { stdout } = await sandbox.compart(['warm', '--status', '--json']);
  const status = JSON.parse(stdout) as Status | null;
  if (status === null) return;
  await sandbox.compart(['warm', '--stop']);
  await gone(status.pid);
}

/** Waits until a process has ended: it may be nobody's child here. */
export async function gone(pid: number): Promise<void> {
  await until(`process ${pid} has ended`, () => stateOf(pid) === null);
}

/** State letter of a process, null for one that has ended. */
export function stateOf(pid: number): string | null {
  try {
    const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? null;
    return state === 'Z' ? null : state;
  } catch {
    return null;
  }
}

/** User and system time of a process in clock ticks. */
export function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

export const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024;

/** Sends bytes to the service, and hands back what it answers until it closes. */
export async function tell(sandbox: Sandbox, bytes: Uint8Array): Promise<string> {
  const socket: Socket = connect(`${sandbox.state}/warm.sock`);
  let answer = '';
  return new Promise((resolve) => {
    socket
      .on('data', (chunk) => (answer += chunk.toString('latin1')))
      .on('error', () => undefined)
      .on('close', () => resolve(answer));
    socket.write(bytes);
  });
}

/** A command with words before it that change what it is started in. */
export function startWith(
  sandbox: Sandbox,
  words: readonly string[],
  args: readonly string[],
): ResultPromise {
  const [file = '', ...rest] = [...words, COMPART, ...args];
  return execa(file, rest, {
    reject: false,
    stdin: 'ignore',
    env: sandbox.env,
  }) as unknown as ResultPromise;
}
