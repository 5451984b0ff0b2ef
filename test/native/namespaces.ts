import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { binary, until } from './launcher.js';

/** The program, which is the launcher, where anybody may execute it. */
export function publicCopy(folder: string, program = binary): string[] {
  const copy = join(folder, basename(program));
  copyFileSync(program, copy);
  chmodSync(folder, 0o755);
  chmodSync(copy, 0o755);
  return [copy];
}

/** Namespaces made by unshare(1), held by a process while they are used. */
export async function withNamespaces<T>(
  options: { uid?: number; gid?: number },
  flags: string[],
  use: (path: (type: string) => string) => Promise<T>,
): Promise<T> {
  const holder: ChildProcess = spawn('unshare', [...flags, 'sleep', '60'], { stdio: 'ignore', ...options });
  const path = (type: string): string => `/proc/${String(holder.pid)}/ns/${type}`;
  try {
    await until(() => readlinkSync(path('net')) !== readlinkSync('/proc/self/ns/net'));
    await until(() => readFileSync(`/proc/${String(holder.pid)}/comm`, 'utf8') === 'sleep\n');
    return await use(path);
  } finally {
    holder.kill('SIGKILL');
  }
}
