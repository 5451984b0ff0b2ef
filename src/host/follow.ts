import type { StdioOptions } from 'node:child_process';
import type { ExitStatus } from './launched.js';

/** How a tool is started that takes long. */
export interface FollowOptions {
  cwd: string;
  /** All of its environment. */
  env: Readonly<Record<string, string>>;
  /** What is its descriptor 3. */
  fd?: number;
  /** Ends it, with everything that it has started. */
  abort: AbortSignal;
  /** Each line that it prints, on stdout or stderr. */
  onLine: (line: string) => void;
}

/**
 * Runs a tool that takes long, in a process group of its own, and reads what it prints. It reads on to the end of both
 * streams: until then something of the group may still write.
 * @throws what AbortSignal.reason says, once the group is dead
 */
export async function followTool(
  file: string,
  argv: readonly string[],
  options: FollowOptions,
): Promise<ExitStatus> {
  const { cwd, env, fd, abort, onLine } = options;
  abort.throwIfAborted();
  const { spawn } = await import('node:child_process');
  const { createInterface } = await import('node:readline');
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(fd === undefined ? [] : [fd])];
  const child = spawn(file, [...argv], { cwd, env, stdio, detached: true });
  for (const input of [child.stdout, child.stderr])
    if (input !== null) createInterface({ input }).on('line', onLine);
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  abort.addEventListener('abort', end, { once: true });
  try {
    return await new Promise<ExitStatus>((resolve, reject) => {
      child.once('close', (exitCode, signal) =>
        abort.aborted ? reject(abort.reason as Error) : resolve({ exitCode, signal }),
      );
      child.once('error', reject);
    });
  } finally {
    abort.removeEventListener('abort', end);
  }
}
