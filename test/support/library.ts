import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa, type ResultPromise } from 'execa';
import type { Sandbox } from './sandbox.js';

/** The library as it is built. */
export const LIBRARY = fileURLToPath(new URL('../../dist/lib/index.js', import.meta.url));

const NAMES = 'run, Compartment, Guest, doctor, gc, history, CompartError, RunError, LimitError';

/** What a service's code begins with here: the library, and `said`, which hands a value back. */
const head = (library: string): string => `
import { ${NAMES} } from ${JSON.stringify(library)};
import * as fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
const said = (value) => console.log(JSON.stringify(value));
const errorOf = async (work) => {
  try { await (typeof work === 'function' ? work() : work); } catch (error) {
    const { name, code, message, hint, exitCode, limit, result } = error;
    return { name, code, message, hint, exitCode, limit, result };
  }
};
`;

/** Starts a Node process whose program is `code`, an ES module with top-level await and the library at hand. */
export function service(sandbox: Sandbox, code: string, library = LIBRARY): ResultPromise {
  const file = `${sandbox.dir}/service-${process.hrtime.bigint()}.mjs`;
  writeFileSync(file, head(library) + code);
  return execa(process.execPath, [file], {
    env: sandbox.env,
    cwd: sandbox.dir,
    reject: false,
    stdin: 'ignore',
  }) as unknown as ResultPromise;
}

/** What it says first. @throws with what it said of that, if it ends before */
export async function firstLine(running: ResultPromise): Promise<string> {
  const said = new Promise<string>((resolve) =>
    running.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trimEnd())),
  );
  const ended = running.then(({ exitCode, stderr }): never => {
    throw new Error(`the service ended with ${exitCode}: ${String(stderr)}`);
  });
  return Promise.race([said, ended]);
}

/** Runs it to its end. @returns what it said, each as JSON, and it must have ended with 0 and said nothing else */
export async function told<T extends readonly unknown[] = readonly unknown[]>(
  sandbox: Sandbox,
  code: string,
): Promise<T> {
  const { stdout, stderr, exitCode } = await service(sandbox, code);
  if (exitCode !== 0 || stderr !== '')
    throw new Error(`the service ended with ${exitCode}: ${String(stderr)}`);
  const lines = String(stdout).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as unknown) as unknown as T;
}
