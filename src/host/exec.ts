import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { constants as os } from 'node:os';
import type { Duplex } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { CompartError, errnoOf, reasonOf, systemReason } from '../shared/errors.js';
import { encodePlan, launchError, parseReport, type LaunchPlan, type LaunchReport } from './plan.js';

/** How a process ended: exactly one of the two is not null. */
export interface ExitStatus {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

/** The shell's single number for it: the exit code, or 128 plus the signal's number. */
export function statusNumber({ exitCode, signal }: ExitStatus): number {
  return exitCode ?? 128 + (signal === null ? 0 : os.signals[signal]);
}

export interface LaunchRequest {
  launcher: string;
  plan: LaunchPlan;
  argv: readonly string[];
  /** stdin, stdout and stderr of the command: `inherit`, `pipe`, `ignore` or descriptors. */
  stdio: ReadonlyArray<'inherit' | 'ignore' | 'pipe' | number>;
  /** A directory for the plan while it is handed over; nothing stays in it. */
  scratch: string;
}

/** A process on its way into its compartment. */
export interface Launched {
  child: ChildProcess;
  pid: number;
  exited: Promise<ExitStatus>;
  /**
   * What the launcher said. Over a socket (hold, monitor) it is complete when it says `until` or fails; else
   * there is only the failure, after the exit.
   */
  report: (until?: 'ready' | 'exec') => Promise<LaunchReport>;
  /** A held process goes on. */
  go: () => void;
  /** The monitor takes over. */
  release: () => void;
}

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
 * Starts `argv` through native/launch.c; nothing is executed outside the compartment.
 * @throws ERR_COMPART_LAUNCH if the launcher itself cannot be started
 */
export async function launch(request: LaunchRequest): Promise<Launched> {
  const speaks = request.plan.hold === true || request.plan.monitor !== undefined;
  const planFd = scratchFile(request.scratch, encodePlan(request.plan));
  const resultFd = speaks ? null : scratchFile(request.scratch, null);
  const stdio: StdioOptions = [...request.stdio, planFd, resultFd ?? 'pipe'];
  try {
    const child = spawn(request.launcher, ['3', '4', '--', ...request.argv], { stdio });
    const exited = exitOf(child);
    if (child.pid === undefined) {
      await exited;
      throw new CompartError('ERR_COMPART_INTERNAL', 'the launcher has no pid');
    }
    const socket = speaks ? (child.stdio[4] as Duplex) : null;
    const report = socket === null ? fileReport(exited, resultFd ?? -1) : socketReport(socket);
    return {
      child,
      pid: child.pid,
      exited,
      report,
      go: () => socket?.write('g'),
      release: () => socket?.end(),
    };
  } finally {
    closeSync(planFd);
  }
}

function exitOf(child: ChildProcess): Promise<ExitStatus> {
  const exited = new Promise<ExitStatus>((resolve, reject) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    child.once('error', (error) => {
      const hint = errnoOf(error) === 'ENOENT' ? { hint: 'build the launcher: npm run build:native' } : {};
      reject(
        new CompartError('ERR_COMPART_LAUNCH', `cannot start the launcher: ${systemReason(error)}`, {
          cause: error,
          ...hint,
        }),
      );
    });
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
/** Throws the error that a failure report stands for; returns for a report without one. */
export function throwFailure(report: LaunchReport, exitCode: number): void {
  if (report.failure === null) return;
  throw launchError(report.failure, exitCode, reasonOf(errnoName(report.failure.errno)));
}

function errnoName(errno: number): string | null {
  return errno > 0 ? getSystemErrorName(-errno) : null;
}

/**
 * Runs a system tool (`busctl`, `systemd-run`) and returns what it printed.
 * @throws ERR_COMPART_UNSUPPORTED if it is not installed, ERR_COMPART_KERNEL with its own words if it fails
 */
export async function runTool(file: string, argv: readonly string[]): Promise<string> {
  const { execa } = await import('execa');
  const result = await execa(file, argv, { reject: false, stdin: 'ignore' });
  if (!result.failed) return result.stdout;
  if (result.code === 'ENOENT') {
    throw new CompartError('ERR_COMPART_UNSUPPORTED', `${file} is not installed`, {
      hint: `install the package that holds ${file}`,
    });
  }
  throw new CompartError(
    'ERR_COMPART_KERNEL',
    `${file} ${argv.join(' ')}: ${result.stderr.trim() || result.shortMessage}`,
  );
}

/** Starts a tool that outlives compart, in a session of its own, and returns its pid. */
export function startTool(file: string, argv: readonly string[]): number | null {
  const child = spawn(file, [...argv], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
  return child.pid ?? null;
}
