import { describe, expect } from '@jest/globals';
import { requires } from '../support/requires.js';
import { useSandbox } from '../support/sandbox.js';
import type { GuestEnding } from '../../src/state/guest.js';

const sandbox = useSandbox();
const withGuest = requires('root', 'uml');
const NAMES = ['start', 'plan', 'sandbox', 'kernel', 'init', 'hello', 'ready', 'command', 'shutdown', 'end'];

/** Milliseconds of each row that the trace has. */
function rows(stderr: string): Record<string, number> {
  const lines = stderr.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('compart: '))).toEqual([]);
  const cells = lines.slice(1).map((line) => line.replace('compart: ', '').trim().split(/\s+/));
  return Object.fromEntries(cells.map(([name = '', ms]) => [name, Number(ms)]));
}

describe('compart boot --trace', () => {
  withGuest(
    'has ten stages that add up to the whole, and the command’s own output and status 7',
    async () => {
      const words = ['boot', '--trace', '--mem', '64M', '--', 'sh', '-c', 'sleep 0.3; echo out; exit 7'];
      const asked = performance.now();
      const { status, stdout, stderr } = await sandbox.current.compart(words);
      const waited = performance.now() - asked;
      expect({ status, stdout }).toEqual({ status: 7, stdout: 'out\n' });
      const { all = 0, ...stages } = rows(stderr);
      expect(Object.keys(stages)).toEqual(NAMES);
      expect(Object.values(stages).every((ms) => ms >= 0)).toBe(true);
      expect(Math.abs(Object.values(stages).reduce((sum, ms) => sum + ms) - all)).toBeLessThan(1);
      expect(all).toBeLessThan(waited);
      expect(stages['command']).toBeGreaterThan(300);
    },
  );

  withGuest('is in the exit record too, and says nothing unless asked', async () => {
    const { stderr } = await sandbox.current.compart(['boot', '--mem', '64M', '--', 'true']);
    expect(stderr).toBe('');
    const [record] = await sandbox.current.json<Array<{ guest: GuestEnding }>>(['history']);
    const { beganAtUs, spawnUs, kernelUs, initUs, helloUs, readyUs, stopUs, endedUs } =
      record?.guest.stages ?? {};
    const order = [0, spawnUs, kernelUs, initUs, helloUs, readyUs, stopUs, endedUs].map(Number);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(Math.abs(Number(beganAtUs) / 1000 - Date.now())).toBeLessThan(60_000);
    expect(record?.guest.readyUs).toBe(readyUs);
  });

  withGuest('refuses a detached guest', async () => {
    const { status, stderr } = await sandbox.current.compart(['boot', '--trace', '-d']);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr:
        'compart: --trace: a detached guest ends after compart has returned\n' +
        'compart: compart inspect NAME has its stages while it runs, compart history --json later\n',
    });
  });
});
