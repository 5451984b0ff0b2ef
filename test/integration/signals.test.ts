import { readFileSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { processesBelow, useSandbox } from '../support/sandbox.js';

const sandbox = useSandbox();
const confined = requires('groups');

const sh = (script: string, ...args: string[]): string[] => ['sh', '-c', script, 'sh', ...args];

describe('compart run: signals', () => {
  /** Runs a shell that notes each signal in a file and ends with 10 at TERM, with 20 at INT, and so on. */
  async function trapped(
    signal: NodeJS.Signals,
  ): Promise<{ status: number | undefined; noted: string; stderr: string }> {
    const file = `${sandbox.current.dir}/noted`;
    const traps =
      'for s in TERM:10 INT:20 HUP:30 QUIT:40 USR1:50 USR2:60; do trap "echo ${s%:*} >> $1; exit ${s#*:}" ${s%:*}; done';
    const script = `${traps}; echo ready; while :; do sleep 0.05; done`;
    const subprocess = sandbox.current.start(['run', '--', ...sh(script, file)], { detached: true });
    await new Promise((resolve) => subprocess.stdout?.once('data', resolve));
    process.kill(subprocess.pid ?? 0, signal);
    const { exitCode, stderr } = await subprocess;
    return { status: exitCode, noted: readFileSync(file, 'utf8'), stderr: String(stderr) };
  }

  confined.each<[NodeJS.Signals, number]>([
    ['SIGTERM', 10],
    ['SIGINT', 20],
    ['SIGHUP', 30],
    ['SIGQUIT', 40],
    ['SIGUSR1', 50],
    ['SIGUSR2', 60],
  ])('%s to compart reaches the command once, whose trap decides the status: %i', async (signal, status) => {
    expect(await trapped(signal)).toEqual({ status, noted: `${signal.slice(3)}\n`, stderr: '' });
  });

  confined('SIGTERM to compart ends a command without a trap: 143', async () => {
    const subprocess = sandbox.current.start(['run', '--', 'sh', '-c', 'echo ready; exec sleep 100']);
    await new Promise((resolve) => subprocess.stdout?.once('data', resolve));
    process.kill(subprocess.pid ?? 0, 'SIGTERM');
    const { exitCode, stderr } = await subprocess;
    expect({ exitCode, stderr }).toEqual({ exitCode: 143, stderr: '' });
  });

  confined('SIGTERM at 20 moments of the start ends within 5 s with 143, and leaves nothing', async () => {
    const { base } = sandbox.current;
    for (let moment = 0; moment < 20; moment += 1) {
      const subprocess = sandbox.current.start(['run', '--', 'sleep', '100']);
      await new Promise((resolve) => setTimeout(resolve, 40 + moment * 6));
      const started = Date.now();
      subprocess.kill('SIGTERM');
      const { exitCode, signal, stderr } = await subprocess;
      // Before compart listens at all, the signal ends it as it ends any process.
      expect([143, 'SIGTERM']).toContain(exitCode ?? signal);
      expect(stderr).toBe('');
      expect(Date.now() - started).toBeLessThan(5000);
      expect(processesBelow(base)).toEqual([]);
    }
  });
});
