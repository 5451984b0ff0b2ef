import type { ChildProcess, ChildProcessByStdio, StdioOptions } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { CompartError, errnoOf, systemReason } from '../shared/errors.js';
import { GRACE_MS, type Deadline, type ExitStatus, type Launched, type LaunchRequest } from './launched.js';
import { encodePlan, parseReport, type LaunchReport } from './plan.js';
import type { EndedTool, ToolInput, ToolResult } from './tool.js';

/** Loaded when something is started from here: it takes Node 3 ms, and a launch through the front needs none of it. */
const childProcess = () => import('node:child_process');

/** An unlinked file of the scratch directory: cheaper than a pipe, and gone with its descriptors. */
function scratchFile(dir: string, content: Buffer | null): number {
  const path = `${dir}/.plan-${process.pid}-${process.hrtime.bigint()}`;
  try {
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    // With a position: the launcher shares the file offset and must read from the start.
    if (content !== null) writeSync(fd, content, 0, content.length, 0);
    return fd;
  } catch (error) {
    throw new CompartError('ERR_COMPART_STATE', `cannot write ${path}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

function readBack(fd: number): string {
  const buffer = Buffer.alloc(fstatSync(fd).size);
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
}

/**
 * Starts a command through native/launch.c, which is at `launcher`; nothing is executed outside the compartment.
 * @throws ERR_COMPART_LAUNCH if the launcher itself cannot be started
 */
export async function launch(launcher: string, request: LaunchRequest): Promise<Launched> {
  const { spawn } = await childProcess();
  const speaks = request.plan.hold === true || request.plan.monitor !== undefined;
  const planFd = scratchFile(request.scratch, encodePlan(request.plan));
  const resultFd = speaks ? null : scratchFile(request.scratch, null);
  const stdio: StdioOptions = [...request.stdio, planFd, resultFd ?? 'pipe'];
  try {
    const child = spawn(launcher, ['3', '4', '--', ...request.argv], { stdio });
    const exited = exitOf(launcher, child);
    if (child.pid === undefined) {
      await exited;
      throw new CompartError('ERR_COMPART_INTERNAL', 'the launcher has no pid');
    }
    const socket = speaks ? (child.stdio[4] as Duplex) : null;
    const report = socket === null ? fileReport(exited, resultFd ?? -1) : socketReport(socket);
    if (request.deadline !== null) keepTime(request.deadline, exited);
    return {
      pid: child.pid,
      streams: child,
      exited: () => exited,
      report,
      go: () => socket?.write('g'),
      release: () => {
        socket?.end();
        child.unref();
      },
      signal: (signal) => child.kill(signal),
    };
  } catch (error) {
    if (resultFd !== null) closeSync(resultFd);
    // What is wrong with the words or the descriptors (E2BIG, EBADF) Node throws at once.
    throw error instanceof CompartError ? error : notStarted(launcher, error);
  } finally {
    closeSync(planFd);
  }
}

function notStarted(file: string, error: unknown): CompartError {
  const source = dirname(dirname(file));
  const hint = errnoOf(error) === 'ENOENT' ? { hint: `build it, with a C compiler: make -C ${source}` } : {};
  const message = `cannot start ${file}: ${systemReason(error)}`;
  return new CompartError('ERR_COMPART_LAUNCH', message, { cause: error, ...hint });
}

function keepTime({ ms, graceMs = GRACE_MS, expire }: Deadline, exited: Promise<ExitStatus>): void {
  let timer = setTimeout(() => {
    timer = setTimeout(() => expire(true), graceMs);
    expire(false);
  }, ms);
  const stop = (): void => clearTimeout(timer);
  exited.then(stop, stop);
}

function exitOf(file: string, child: ChildProcess): Promise<ExitStatus> {
  const exited = new Promise<ExitStatus>((resolve, reject) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    child.once('error', (error) => reject(notStarted(file, error)));
  });
  exited.catch(() => undefined);
  return exited;
}

function fileReport(exited: Promise<ExitStatus>, fd: number): () => Promise<LaunchReport> {
  let report: Promise<LaunchReport> | null = null;
  return () =>
    (report ??= exited.then(() => {
      const text = readBack(fd);
      closeSync(fd);
      return parseReport(text);
    }));
}

/** Collects what the launcher says; a closed socket completes every wait. */
function socketReport(socket: Duplex): Launched['report'] {
  let text = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    socket.emit('report');
  });
  for (const end of ['close', 'end', 'error']) {
    socket.once(end, () => {
      closed = true;
      socket.emit('report');
    });
  }
  return (until = 'exec') =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!closed && !new RegExp(`^(${until}|fail .*)\n`, 'm').test(text)) return;
        socket.off('report', look);
        resolve(parseReport(text));
      };
      socket.on('report', look);
      look();
    });
}

/** Where Debian and others keep the tools of the administrator, which not every user's PATH names. */
const ADMIN_PATH = '/usr/sbin:/sbin';

/** The caller's environment, with those tools on its PATH. */
const toolEnvironment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  ...more,
  PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:${ADMIN_PATH}`,
});

/**
 * Runs a system tool (`busctl`, `systemd-run`) and returns what it printed.
 * @param env on top of the caller's environment
 * @throws ERR_COMPART_UNSUPPORTED if it is not installed, ERR_COMPART_KERNEL with its own words if it fails
 */
export async function runTool(
  file: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { status, stdout, stderr, errno } = await askTool(file, argv, env);
  if (status === 0) return stdout;
  if (errno === 'ENOENT') {
    const hint = `install the package that holds ${file}`;
    throw new CompartError('ERR_COMPART_UNSUPPORTED', `${file} is not installed`, { hint });
  }
  throw new CompartError('ERR_COMPART_KERNEL', `${file} ${argv.join(' ')}: ${stderr || `status ${status}`}`);
}

/**
 * Runs a tool, or a program of compart's own, whose refusals are answers too. Nothing here may touch this process' own
 * streams, which are the command's as well: Node makes a pipe that it opens as one nonblocking, for both.
 * @returns how it ended
 */
export async function askTool(
  file: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<ToolResult> {
  const { spawn } = await childProcess();
  return endOf(spawn(file, [...argv], { stdio: ['ignore', 'pipe', 'pipe'], env: toolEnvironment(env) }));
}

/** Starts a tool that outlives compart, in a session of its own, and returns its pid; null if it cannot be started. */
export function startTool(file: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): number | null {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(file, [...argv], { stdio: 'ignore', detached: true, env: toolEnvironment(env) });
  child.on('error', () => undefined);
  child.unref();
  return child.pid ?? null;
}

/**
 * Starts a program that reads from this process, on descriptor 3, as long as it lives; neither holds up the end of the other.
 * @returns writes to it
 */
export function startListener(file: string, argv: readonly string[]): (word: string) => void {
  const { spawn } = process.getBuiltinModule('node:child_process');
  // Not stdin, which Node closes when the child has ended, though one of its own children reads on.
  const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', 'pipe'];
  const child = spawn(file, [...argv], { stdio, detached: true, env: toolEnvironment() });
  const input = child.stdio[3] as Duplex & { unref: () => void };
  child.on('error', () => undefined);
  input.on('error', () => undefined);
  child.unref();
  input.unref();
  return (word) => void input.write(word);
}

/** A program that answers this process on its stdout until its stdin ends. */
export type Servant = ChildProcessByStdio<Writable, Readable, null>;

export function startServant(file: string, argv: readonly string[]): Servant {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const env = toolEnvironment({ LC_ALL: 'C' });
  // A session of its own: what interrupts this process is for it to act on.
  const child = spawn(file, [...argv], { stdio: ['pipe', 'pipe', 'ignore'], env, detached: true });
  // It may end before it has read all.
  child.stdin.on('error', () => undefined);
  return child;
}

/** Runs a tool to its end, with `input` on its stdin: for the few milliseconds in which a stack is assembled. */
export function runToolSync(file: string, argv: readonly string[], input: ToolInput = ''): ToolResult {
  // Not an import, so that a start which needs no tool does not pay for it.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const env = toolEnvironment({ LC_ALL: 'C' });
  const result: EndedTool = spawnSync(file, [...argv], { input, env, encoding: 'utf8' });
  return {
    status: result.status,
    stdout: result.stdout ?? '',
    stderr: (result.stderr ?? '').trim(),
    errno: result.error === undefined ? null : errnoOf(result.error),
  };
}

/** The same while the event loop goes on. */
export async function feedTool(file: string, argv: readonly string[], input: ToolInput): Promise<ToolResult> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(file, [...argv], { env: toolEnvironment({ LC_ALL: 'C' }) });
  // It may end before it has read all.
  child.stdin.on('error', () => undefined).end(input);
  return endOf(child);
}

function endOf(child: ChildProcessByStdio<Writable | null, Readable, Readable>): Promise<ToolResult> {
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  return new Promise((resolve) => {
    const end = (status: number | null, errno: string | null): void =>
      resolve({ status, stdout: said.stdout, stderr: said.stderr.trim(), errno });
    child.once('error', (error) => end(null, errnoOf(error)));
    child.once('close', (status) => end(status, null));
  });
}

/** A program that was started and waits for a word: it ends by itself if the caller does before saying it. */
export interface Held {
  /** The first line that it said, or what it said before it ended. */
  said: string;
  keep: () => void;
  /** Ends it, unless it was kept. */
  leave: () => void;
}

/** Starts a program that speaks on descriptor 3, which its first word names, and waits for a line of it. */
export async function startHeld(file: string, argv: readonly string[]): Promise<Held> {
  const { spawn } = await childProcess();
  const child = spawn(file, ['3', ...argv], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: toolEnvironment(),
    detached: true,
  });
  const socket = child.stdio[3] as Duplex;
  const ended = exitOf(file, child);
  let said = '';
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      if (said.includes('\n')) resolve();
    });
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    ended.catch((error: unknown) => {
      said = systemReason(error);
      resolve();
    });
  });
  child.unref();
  return { said, keep: () => void socket.end('k'), leave: () => void socket.destroy() };
}

/** Is there a program of this name on the PATH, or where administrators' tools are? */
export function toolExists(file: string): boolean {
  const dirs = (toolEnvironment()['PATH'] ?? '').split(':');
  return dirs.some((dir) => dir !== '' && existsSync(`${dir}/${file}`));
}
